"""Have a model go on with a text."""

from seer_runtime.kernel.generation import generate_response

__all__ = ["generate_response"]
