"""Hints of arrays: whose they are, and what they say of dtype and shape."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args, get_origin

_ARRAYS = {("torch", "Tensor"): "torch.Tensor", ("numpy", "ndarray"): "numpy.ndarray"}
_DTYPE = re.compile(r"bool|float|int|uint|complex|(b?float|u?int|complex)\d+")


class ArrayHint(NamedTuple):
    """What a hint says of an array."""

    name: str
    """"torch.Tensor" or "numpy.ndarray"."""

    dtype: str = ""
    shape: str = ""


def array_hint(hint: Any, notes: Iterable[Any] = ()) -> ArrayHint | None:
    """Read the hint of an array; None where it is none.

    `notes` are what `Annotated` says beside it: a text is a dtype or else a shape.
    """
    described = _own(hint)
    if described is None:
        return None
    for note in notes:
        if isinstance(note, str) and _DTYPE.fullmatch(note):
            described = described._replace(dtype=described.dtype or note)
        elif isinstance(note, str):
            described = described._replace(shape=described.shape or note)
    return described


def _own(hint: Any) -> ArrayHint | None:
    cls = get_origin(hint) or hint
    if not isinstance(cls, type):
        return None
    name = _ARRAYS.get((cls.__module__.partition(".")[0], cls.__name__))
    if name is not None:
        return ArrayHint(name, *_numpy_arguments(*get_args(hint)))
    # As jaxtyping's classes are: Float[Tensor, "batch seq"].
    inner = _own(getattr(cls, "array_type", None))
    if inner is None or not hasattr(cls, "dim_str"):
        return None
    return ArrayHint(inner.name, _one_dtype(cls), " ".join(str(cls.dim_str).split()))


def _numpy_arguments(shape: Any = Any, dtype: Any = Any, *_: Any) -> tuple[str, str]:
    """Give dtype and shape of `ndarray[shape, dtype]`."""
    kind = next(iter(get_args(dtype)), Any)
    kind = get_origin(kind) or kind
    name = kind.__name__ if isinstance(kind, type) and kind is not Any else ""
    lengths = get_args(shape)
    if not lengths or Ellipsis in lengths or Any in lengths:
        return name, ""
    return name, f"({', '.join(map(_length, lengths))}{',' if len(lengths) == 1 else ''})"


def _length(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return str(get_args(hint)[0])
    return getattr(hint, "__name__", str(hint))


def _one_dtype(cls: Any) -> str:
    """Give the dtype that a class allows, or the name of the kind that it allows several of."""
    dtypes = cls.dtypes
    if isinstance(dtypes, tuple | list) and len(dtypes) == 1:
        return str(dtypes[0])
    kind = cls.__name__.partition("[")[0].lower()
    return "" if kind == "shaped" else kind
