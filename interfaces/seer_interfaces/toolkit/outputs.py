"""What modules give: tensors, or tuples that begin with one.

Which of them it is changes with a model's family and with the release of transformers: decoder
layers gave tuples up to 4.56 or 5.x, tensors since; attention gives a tuple still. So nothing here
ever indexes an output (`output[0]` of a tensor is its first row, and no error).
"""

from __future__ import annotations

from typing import Any

import torch


def hidden_of(output: Any) -> torch.Tensor:
    """Give the hidden states of a module's output, be it a tensor or a tuple."""
    hidden: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


def with_hidden(output: Any, hidden: torch.Tensor) -> Any:
    """Give a module's output with other hidden states in it."""
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
