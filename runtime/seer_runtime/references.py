"""References: values that stay in the worker, and the handles that callers get instead."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.errors import DecodeError
from seer_runtime.wire.handles import FETCH, NORM, Handle


class Ref:
    """Returned by a function, `Ref(value)` keeps the value here; its caller gets a handle.

    Given as an argument, a handle is the value itself again.
    """

    def __init__(self, value: Any) -> None:
        """Keep a value."""
        self.value = value


class TensorRef(Ref):
    """As `Ref`, of a torch tensor or a numpy array.

    Raises:
        TypeError: the value is neither.
    """

    def __init__(self, value: Any) -> None:
        """Keep a tensor or an array."""
        if not _is_array(value):
            raise TypeError(f"TensorRef() keeps tensors and arrays, got {type(value).__name__}")
        super().__init__(value)


class References:
    """The values that one session's handles stand for."""

    def __init__(self) -> None:
        """Begin with none."""
        # The numbers of another worker, before a restart, are none of these; programs that read
        # all numbers as floats can tell them apart.
        self._numbers = itertools.count(secrets.randbits(44) << 8)
        self._values: dict[int, Any] = {}
        self._is_over = False

    def refer(self, value: Any) -> Handle | None:
        """Keep the value of a `Ref`, and give the handle for it; None for any other value."""
        if not isinstance(value, Ref):
            return None
        number = next(self._numbers)
        if not self._is_over:
            self._values[number] = value.value
        return _describe(number, value.value)

    def resolve(self, handle: Sequence[Any]) -> Any:
        """Give the value of a handle.

        Raises:
            DecodeError: there is none.
        """
        try:
            return self._values[handle[0]]
        except KeyError:
            raise DecodeError(
                "the reference is not valid here: it was freed, belongs to another session, or "
                "its worker was restarted"
            ) from None

    def free(self, numbers: Iterable[int]) -> None:
        """Let go of values."""
        for number in numbers:
            self._values.pop(number, None)

    def close(self) -> None:
        """Let go of everything, and keep nothing more."""
        self._is_over = True
        self._values.clear()

    def handles(self) -> list[list[Any]]:
        """Give the fields of a handle for each value, the oldest first."""
        return [list(_describe(number, value)) for number, value in list(self._values.items())]


def _norm(value: Any) -> float:
    """Give the Euclidean norm of all of an array's elements, in float64 on its own device."""
    if is_instance(value, "torch", "Tensor"):
        wide = value.detach()
        wide = wide.abs() if wide.is_complex() else wide
        # Not every device has float64.
        torch: Any = sys.modules["torch"]
        kind = torch.float32 if value.device.type == "mps" else torch.float64
        return float(wide.to(kind).norm())
    numpy: Any = sys.modules["numpy"]
    return float(numpy.linalg.norm(numpy.abs(value).astype(numpy.float64).reshape(-1)))


REFERENCE_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    FETCH: lambda value: value,
    NORM: _norm,
}
"""What callers may ask of the value of a handle."""


def _is_array(value: object) -> bool:
    return is_instance(value, "torch", "Tensor") or is_instance(value, "numpy", "ndarray")


def _describe(number: int, value: Any) -> Handle:
    type_name = type(value).__qualname__
    if not _is_array(value):
        return Handle(number, type_name)
    device = str(getattr(value, "device", "cpu"))
    size = 0
    with contextlib.suppress(Exception):
        size = int(value.nbytes)
    dtype = str(value.dtype).removeprefix("torch.")
    return Handle(number, type_name, [int(n) for n in value.shape], dtype, device, size)
