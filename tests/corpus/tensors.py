"""Torch tensors."""

import torch

EXAMPLES = [
    ("total", {"tensor": [[1.0, 2.0], [3.0, 4.0]]}, 10.0),
    ("shape", {"tensor": [[1, 2, 3]]}, [1, 3]),
    ("several", {"tensors": {"a": [1.0], "b": [2.0]}}, ["a", "b"]),
    ("cast", {}, "torch.float16"),
]
FAILURES = [("total", {"tensor": "many"}, "ArgumentError")]


@expose
def total(tensor: torch.Tensor) -> float:
    """Add everything."""
    return tensor.sum().item()


@expose
def shape(tensor: torch.Tensor) -> tuple[int, ...]:
    """Give the shape."""
    return tuple(tensor.shape)


@expose
def several(tensors: dict[str, torch.Tensor | None]) -> list[str]:
    """Name the tensors."""
    return list(tensors)


@expose
def ones(rows: int, columns: int = 2) -> torch.Tensor:
    """Make a tensor of ones."""
    return torch.ones(rows, columns)


@expose
def cast(dtype: torch.dtype = torch.float16, device: torch.device = torch.device("cpu")) -> str:
    """Take what only torch knows."""
    return str(dtype)
