"""What the ready-made interfaces share, and own interface files may use.

    from seer_interfaces import toolkit

    @expose
    def surprise(text: str, interventions: list[toolkit.Intervention] = []) -> float:
        subject = toolkit.subject()
        ...

A subject is a model with its tokenizer; `run` is one forward pass over a batch, with interventions
and with what it leaves at sites; `decode` generates. Every family is the same here: tuples or
tensors as outputs, fused or separate projections, norms behind attention, capped logits, adapters.
"""

from seer_interfaces.toolkit.architecture import Architecture
from seer_interfaces.toolkit.decoding import Finish, Sampling, Step, decode
from seer_interfaces.toolkit.extraction import extract, extract_patterns, extract_places
from seer_interfaces.toolkit.inputs import Batch, Inputs, Message, Prompt, encode, prompts_of
from seer_interfaces.toolkit.interventions import Intervention, Op, Pass
from seer_interfaces.toolkit.outputs import hidden_of, with_hidden
from seer_interfaces.toolkit.positions import Where, columns, places
from seer_interfaces.toolkit.running import Keep, Result, last_logits, run, token_logprobs
from seer_interfaces.toolkit.sites import HEAD_SITES, Site, Visitor, heads_of, visiting
from seer_interfaces.toolkit.subjects import BASE, Subject, load, prepare, subject, use

__all__ = [
    "BASE",
    "HEAD_SITES",
    "Architecture",
    "Batch",
    "Finish",
    "Inputs",
    "Intervention",
    "Keep",
    "Message",
    "Op",
    "Pass",
    "Prompt",
    "Result",
    "Sampling",
    "Site",
    "Step",
    "Subject",
    "Visitor",
    "Where",
    "columns",
    "decode",
    "encode",
    "extract",
    "extract_patterns",
    "extract_places",
    "heads_of",
    "hidden_of",
    "last_logits",
    "load",
    "places",
    "prepare",
    "prompts_of",
    "run",
    "subject",
    "token_logprobs",
    "use",
    "visiting",
    "with_hidden",
]
