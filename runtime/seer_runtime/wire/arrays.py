"""numpy arrays and torch tensors: described in the body, their memory in a segment.

Neither library is imported until a value needs it.
"""

from __future__ import annotations

import importlib
import math
import sys
from typing import Any

from seer_runtime.wire.errors import DecodeError, UncrossableError
from seer_runtime.wire.frames import Buffer
from seer_runtime.wire.narrow_floats import narrow_name, widened


def is_instance(value: object, module: str, name: str) -> bool:
    """Tell whether `value` is a `module.name`, without importing the module."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name, ()))


def dtype_name(array: Any) -> str:
    """Name the dtype of an array or a tensor; that of the tensor which an array stands for."""
    return narrow_name(array.dtype) or str(array.dtype).removeprefix("torch.")


def array_memory(array: Any) -> tuple[str, list[int], Buffer]:
    """Give a numpy array's dtype, shape and memory in C order."""
    if is_instance(array, "numpy.ma", "MaskedArray"):
        raise UncrossableError("its mask would be lost; send .filled(...), or data and mask")
    numpy = sys.modules["numpy"]
    _refuse_objects(array.dtype)
    flat = numpy.asarray(array, order="C").reshape(-1)
    return array.dtype.str, list(array.shape), flat.view(numpy.uint8).data


def scalar_content(scalar: Any) -> tuple[str, bytes]:
    """Give a numpy scalar's dtype and memory."""
    _refuse_objects(scalar.dtype)
    # An empty text has no size of its own; the array of it has.
    array = sys.modules["numpy"].asarray(scalar)
    return array.dtype.str, array.tobytes()


def tensor_memory(tensor: Any) -> tuple[str, list[int], Buffer]:
    """Give a torch tensor's dtype, shape and memory in C order, on the CPU."""
    torch: Any = sys.modules["torch"]
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise UncrossableError("only dense tensors that hold data cross; try .to_dense()")
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    memory = plain.reshape(-1).view(torch.uint8).numpy().data
    return str(tensor.dtype).removeprefix("torch."), list(tensor.shape), memory


def build_array(dtype: str, shape: list[int], memory: Buffer) -> Any:
    """Build a numpy array over `memory`."""
    numpy = importlib.import_module("numpy")
    kind = numpy.dtype(dtype)
    if kind.hasobject or kind.kind == "V" or kind.itemsize == 0:
        raise DecodeError(f"arrays of dtype {dtype!r} are not accepted")
    _check_size(memory, shape, kind.itemsize)
    return numpy.frombuffer(memory, kind).reshape(shape) if memory else numpy.empty(shape, kind)


def build_tensor(dtype: str, shape: list[int], memory: Buffer) -> Any:
    """Build a torch tensor over `memory`; without torch, a numpy array of the same numbers.

    Those that numpy has no dtype for are float32 then, which `dtype_name` tells apart.
    """
    try:
        torch = importlib.import_module("torch")
    except ModuleNotFoundError:
        return _without_torch(dtype, shape, memory)
    # Not getattr(): some of torch's names load a module.
    kind = vars(torch).get(dtype)
    if not isinstance(kind, torch.dtype) or dtype.startswith("q"):
        raise DecodeError(f"torch has no dtype {dtype!r}")
    _check_size(memory, shape, kind.itemsize)
    if not memory:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(memory, dtype=kind).reshape(shape)


def _refuse_objects(dtype: Any) -> None:
    if dtype.kind in "OV":
        raise UncrossableError(f"arrays of dtype {dtype} do not cross")


def _without_torch(dtype: str, shape: list[int], memory: Buffer) -> Any:
    wide = widened(dtype, memory)
    if wide is None:
        return build_array(dtype, shape, memory)
    # As many bytes as there were.
    _check_size(memory, shape, len(memory) // max(wide.size, 1))
    return wide.reshape(shape)


_MOST_DIMENSIONS = 64
"""As many as numpy and torch know."""


def _check_size(memory: Buffer, shape: list[int], itemsize: int) -> None:
    if len(shape) > _MOST_DIMENSIONS:
        raise DecodeError(f"an array of {len(shape)} dimensions")
    if any(type(length) is not int or length < 0 for length in shape):
        raise DecodeError(f"not a shape: {shape!r}")
    if len(memory) != math.prod(shape) * itemsize:
        raise DecodeError(f"shape {shape} does not fit a segment of {len(memory)} bytes")
