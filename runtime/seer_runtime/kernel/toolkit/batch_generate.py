"""Have a model go on with several texts at once."""

from seer_runtime.kernel.generation import batch_generate

__all__ = ["batch_generate"]
