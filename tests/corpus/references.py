"""Values that stay in the sandbox."""

import numpy as np

EXAMPLES = [("total", {"array": [1.0, 2.0]}, 3.0)]


@expose
def keep(size: int) -> TensorRef:
    """Make an array, and keep it."""
    return TensorRef(np.ones(size))


@expose
def total(array: np.ndarray) -> float:
    """Add everything; takes what was kept, too."""
    return float(array.sum())


@expose
def note(text: str) -> Ref:
    """Keep something that is no array."""
    return Ref({"text": text})


@expose
def read(kept: Ref) -> str:
    """Read what was kept."""
    return kept["text"]


@expose
def both(size: int) -> dict[str, TensorRef]:
    """Keep two."""
    return {"ones": TensorRef(np.ones(size)), "zeros": TensorRef(np.zeros(size))}
