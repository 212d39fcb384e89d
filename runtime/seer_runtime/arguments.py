"""Check a call's arguments against the function's signature and type hints."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.names import did_you_mean


class ArgumentsError(TypeError):
    """Arguments that do not fit the function that was called."""


class ArgumentChecker:
    """Checks the arguments of one function.

    The check is strict, and the function gets the very values that were sent: what a call
    returns is what the function would return in process.
    """

    def __init__(self, name: str, signature: inspect.Signature, hints: Mapping[str, Any]) -> None:
        """Take the function's signature and resolved hints; a parameter without one takes all."""
        self._name = name
        self._signature = signature
        self._adapters = {
            parameter.name: adapter
            for parameter in signature.parameters.values()
            if (adapter := _adapter(hints.get(parameter.name, Any))) is not None
        }

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        """Give the arguments as the function takes them.

        Raises:
            ArgumentsError: a name, a number or a type is wrong; the message says which.
        """
        self._check_names(kwargs)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentsError(f"{self._name}(): {error}; {self._usage()}") from None
        for name, value in bound.arguments.items():
            self._check(name, value)
        return bound

    def _check_names(self, kwargs: Mapping[str, Any]) -> None:
        parameters = self._signature.parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return
        for name in kwargs:
            if name not in parameters:
                guess = did_you_mean(name, parameters)
                raise ArgumentsError(
                    f"{self._name}() has no parameter {name!r}{guess}; {self._usage()}"
                )

    def _check(self, name: str, value: object) -> None:
        adapter = self._adapters.get(name)
        if adapter is None:
            return
        match self._signature.parameters[name].kind, value:
            case inspect.Parameter.VAR_POSITIONAL, tuple(values):
                named = [(f"{name}[{index}]", each) for index, each in enumerate(values)]
            case inspect.Parameter.VAR_KEYWORD, dict(values):
                named = list(values.items())
            case _:
                named = [(name, value)]
        for label, each in named:
            self._validate(adapter, label, each)

    def _validate(self, adapter: TypeAdapter[Any], label: str, value: object) -> None:
        # A numpy number is a number to whoever computed it.
        plain = value.item() if is_instance(value, "numpy", "generic") else value  # type: ignore[attr-defined]
        try:
            adapter.validate_python(plain, strict=True)
        except ValidationError as error:
            raise ArgumentsError(
                f"{self._name}(): {_explain(label, error)}; {self._usage()}"
            ) from None

    def _usage(self) -> str:
        return f"it is called as {self._name}{self._signature}"


def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    if hint is Any:
        return None
    for config in (ConfigDict(arbitrary_types_allowed=True), None):
        try:
            return TypeAdapter(hint, config=config)
        except PydanticSchemaGenerationError:
            return None
        except PydanticUserError:
            # Models, dataclasses and typed dictionaries bring a configuration of their own.
            continue
    return None


def _explain(label: str, error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    place = "".join(f"[{part!r}]" for part in first["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    found = type(first["input"]).__name__
    return f"argument {label!r}{place}: {first['msg']}, got {found}{more}"
