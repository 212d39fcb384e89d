"""All of the ready-made interfaces around one model, which is loaded once.

References that one function gives are arguments of all the others: a direction that
`mean_difference` found steers `generate`, and never leaves the sandbox.
"""

from seer_interfaces import activations, causal, conversation, diff, model, probes, sae

__all__ = ["activations", "causal", "conversation", "diff", "model", "probes", "sae"]
