"""Arrays and tensors as a few words about them, and a file that has the numbers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from seer_rpc.presentation.files import digest, keep_under
from seer_rpc.presentation.jsonable import to_json
from seer_runtime.wire.arrays import array_memory, dtype_name, is_instance
from seer_runtime.wire.narrow_floats import narrow_name

_FEW = 32
"""Elements that are shown one by one."""

_NUMBERS = "biuf"
_INEXACT = "fc"


def summarise(array: Any, folder: Path) -> dict[str, Any]:
    """Tell dtype, shape, least, greatest and mean of an array or a tensor, as plain JSON.

    The numbers are in a `.npy` file of `folder`; a few are shown, too. Those that are not finite
    are counted apart. numpy has no bfloat16 and no float8: there the file holds float32, and the
    summary says so.
    """
    dtype = dtype_name(array)
    numbers = _to_numpy(array)
    summary = {"dtype": dtype, "shape": list(numbers.shape), **_statistics(numbers)}
    if numbers.size <= _FEW:
        summary["values"] = to_json(numbers.tolist(), str)
    if str(numbers.dtype) != dtype:
        summary["stored_as"] = str(numbers.dtype)
    return {**summary, "file": str(_save(numbers, folder))}


def save_array(array: Any, file: Path) -> None:
    """Write the numbers of an array or a tensor to a `.npy` file."""
    with file.open("wb") as stream:
        importlib.import_module("numpy").save(stream, _to_numpy(array), allow_pickle=False)


def _to_numpy(array: Any) -> Any:
    if not is_instance(array, "torch", "Tensor"):
        # What a dtype remembers is for no file.
        return array.view(str(array.dtype)) if narrow_name(array.dtype) else array
    plain = array.detach().cpu().resolve_conj().resolve_neg()
    try:
        return plain.numpy()
    except TypeError:
        # numpy has no such dtype; float32 holds every number of it.
        return plain.float().numpy()


def _statistics(numbers: Any) -> dict[str, Any]:
    if numbers.dtype.kind not in _NUMBERS + _INEXACT or not numbers.size:
        return {}
    told: dict[str, Any] = {}
    if numbers.dtype.kind in _INEXACT:
        finite = importlib.import_module("numpy").isfinite(numbers)
        if not finite.all():
            told["not_finite"] = int(finite.size - finite.sum())
            numbers = numbers[finite]
    if numbers.dtype.kind in _NUMBERS and numbers.size:
        least, greatest = numbers.min(), numbers.max()
        with importlib.import_module("numpy").errstate(over="ignore"):
            # The sum of large numbers may be infinite.
            mean = numbers.mean(dtype="float64")
        told |= {
            "min": to_json(least, str),
            "max": to_json(greatest, str),
            "mean": to_json(mean, str),
        }
    return told


def _save(numbers: Any, folder: Path) -> Path:
    dtype, shape, memory = array_memory(numbers)
    name = digest(f"{dtype} {shape} ".encode(), memoryview(memory))
    numpy = importlib.import_module("numpy")
    return keep_under(
        name, folder, "array", ".npy", lambda file: numpy.save(file, numbers, allow_pickle=False)
    )
