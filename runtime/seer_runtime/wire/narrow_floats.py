"""Floats that torch has and numpy has not: as wider ones, whose dtype remembers what they were."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from seer_runtime.wire.frames import Buffer

_EIGHT_BITS = {
    # Bits of exponent and fraction, the bias, and which are no numbers.
    "float8_e4m3fn": (4, 3, 7, (0x7F, 0xFF)),
    "float8_e4m3fnuz": (4, 3, 8, (0x80,)),
    "float8_e5m2fnuz": (5, 2, 16, (0x80,)),
    "float8_e8m0fnu": (8, 0, 127, (0xFF,)),
}

_KEY = "torch"


def widened(dtype: str, memory: Buffer) -> Any:
    """Give the numbers of a tensor's memory, all in a row; None where numpy has the dtype."""
    numpy = importlib.import_module("numpy")

    def memory_as(kind: str) -> Any:
        return numpy.frombuffer(memory, kind) if memory else numpy.empty(0, kind)

    if dtype == "bfloat16":
        # Each is the upper half of a float32, as this float8 is of a float16.
        wide = (memory_as("uint16").astype("uint32") << 16).view("float32")
    elif dtype == "float8_e5m2":
        wide = (memory_as("uint8").astype("uint16") << 8).view("float16").astype("float32")
    elif dtype in _EIGHT_BITS:
        wide = _numbers(dtype)[memory_as("uint8")]
    elif dtype == "complex32":
        wide = memory_as("float16").astype("float32").view("complex64")
    else:
        return None
    return wide.view(numpy.dtype(wide.dtype, metadata={_KEY: dtype}))


def narrow_name(dtype: Any) -> str:
    """Give the name of what an array's numbers were; "" where they were nothing else."""
    return str((getattr(dtype, "metadata", None) or {}).get(_KEY, ""))


@functools.cache
def _numbers(dtype: str) -> Any:
    """Give the number that each byte stands for."""
    numpy = importlib.import_module("numpy")
    exponent_bits, fraction_bits, bias, none = _EIGHT_BITS[dtype]
    codes = numpy.arange(256)
    exponents = codes >> fraction_bits & (1 << exponent_bits) - 1
    fractions = (codes & (1 << fraction_bits) - 1) / (1 << fraction_bits)
    is_normal = (exponents > 0) | (fraction_bits == 0)
    sizes = numpy.ldexp(is_normal + fractions, numpy.where(is_normal, exponents, 1) - bias)
    numbers = numpy.where(codes >> exponent_bits + fraction_bits, -sizes, sizes)
    numbers[list(none)] = numpy.nan
    return numbers.astype("float32")
