"""What files import: the modules that are safe to have, and stand-ins for large ones."""

from __future__ import annotations

import importlib
from types import GenericAlias, ModuleType
from typing import Any

_REAL = frozenset(
    {
        *("abc", "annotated_types", "collections", "collections.abc", "dataclasses", "datetime"),
        *("decimal", "enum", "fractions", "math", "numbers", "pathlib", "pydantic"),
        *("pydantic.dataclasses", "typing", "typing_extensions", "uuid"),
    }
)
_SCALARS = (
    *("bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "number", "floating"),
    *("integer", "generic", "inexact", "complexfloating"),
)
_KINDS = ("Float", "Int", "UInt", "Integer", "Complex", "Inexact", "Real", "Num", "Shaped", "Bool")
_SIZES = ("BFloat16", *(f"{kind}{size}" for kind in ("Int", "UInt") for size in (8, 16, 32, 64)))
_MORE = ("Float16", "Float32", "Float64", "Complex64", "Complex128")


def find_module(name: str) -> ModuleType | None:
    """Give a module that may be had without running what it stands for; None for others."""
    if name in _REAL:
        return importlib.import_module(name)
    return _STAND_INS.get(name)


class ShapedArray(type):
    """The class of those that stand for jaxtyping's: `Float[Tensor, "batch seq"]`."""

    dtypes: tuple[str, ...]

    def __getitem__(cls, arguments: tuple[Any, str]) -> ShapedArray:
        """Give the class for arrays of this kind and of a shape."""
        array, shape = arguments
        parts = {"array_type": array, "dim_str": shape, "dtypes": cls.dtypes}
        return ShapedArray(f"{cls.__name__}[{array.__name__}, {shape!r}]", (), parts)


def _numpy() -> tuple[ModuleType, ModuleType]:
    module, typing = ModuleType("numpy"), ModuleType("numpy.typing")
    members: dict[str, Any] = {name: type(name, (), {}) for name in (*_SCALARS, "ndarray", "dtype")}
    for each in members.values():
        each.__module__ = "numpy"
        each.__class_getitem__ = classmethod(GenericAlias)
    members |= {"nan": float("nan"), "inf": float("inf"), "typing": typing}
    vars(module).update(members)

    class NDArray:
        def __class_getitem__(cls, kind: Any) -> Any:
            dtype = GenericAlias(members["dtype"], kind)
            return GenericAlias(members["ndarray"], (GenericAlias(tuple, (Any, ...)), dtype))

    vars(typing)["NDArray"] = NDArray
    return module, typing


def _torch() -> ModuleType:
    module = ModuleType("torch")
    vars(module)["Tensor"] = type("Tensor", (), {"__module__": "torch"})
    return module


def _jaxtyping() -> ModuleType:
    module = ModuleType("jaxtyping")
    for name in (*_KINDS, *_SIZES, *_MORE):
        is_one = name == "Bool" or name[-1].isdigit()
        dtypes = (name.lower(),) if is_one else ("one", "or another")
        vars(module)[name] = ShapedArray(name, (), {"dtypes": dtypes})
    return module


_NUMPY, _NUMPY_TYPING = _numpy()
_STAND_INS = {
    "numpy": _NUMPY,
    "numpy.typing": _NUMPY_TYPING,
    "torch": _torch(),
    "jaxtyping": _jaxtyping(),
}
