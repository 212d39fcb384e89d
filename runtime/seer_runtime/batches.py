"""Functions that take the arguments of several calls at once, as lists."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from typing import Any


def split_results(value: object, calls: int) -> Sequence[Any]:
    """Give each call its own result; one that is an exception is raised to that call alone.

    Raises:
        TypeError: there is not one result a call.
    """
    results = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else None
    if results is None or len(results) != calls:
        found = type(value).__name__ if results is None else f"{len(results)} results"
        raise TypeError(f"a batch function gives a list of one result a call: {calls}; got {found}")
    return results


def of_one_call(
    signature: inspect.Signature, hints: Mapping[str, Any]
) -> tuple[inspect.Signature, dict[str, Any]]:
    """Give the signature and the hints of one call to a batch function.

    Raises:
        TypeError: it is no batch function: a parameter is no list.
    """
    if not signature.parameters:
        raise TypeError("a batch function takes lists, an item a call; this one takes nothing")
    single = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or (
            parameter.default is not parameter.empty
        ):
            raise TypeError(f"parameter {name!r} of a batch function is a plain one, no default")
        single[name] = _item(name, hints.get(name))
    single["return"] = _item("return", hints.get("return"))
    parameters = [
        parameter.replace(annotation=single[name])
        for name, parameter in signature.parameters.items()
    ]
    return signature.replace(parameters=parameters, return_annotation=single["return"]), single


def _item(name: str, hint: Any) -> Any:
    items = typing.get_args(hint)
    if typing.get_origin(hint) is not list or len(items) != 1:
        raise TypeError(
            f"a batch function takes and gives lists, an item a call: hint {name!r} as list[...]"
        )
    return items[0]
