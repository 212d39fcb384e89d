"""Check a call's arguments against the function's signature and type hints."""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from seer_runtime.strictness import strict_validator
from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.names import did_you_mean

_LONGEST_USAGE = 1000


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
        self._plain = _PlainParameters.of(signature)
        self._hints = hints

    @cached_property
    def _validators(self) -> Mapping[str, SchemaValidator]:
        """What checks each argument; made for the first call, as most functions are not called."""
        return {
            name: validator
            for name in self._signature.parameters
            if (validator := strict_validator(self._hints.get(name, Any))) is not None
        }

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """See to it that the function can be called with these arguments.

        Raises:
            ArgumentsError: a name, a number or a type is wrong; the message says which.
        """
        if self._plain is None or not self._plain.fit(args, kwargs):
            # The long way: it knows every kind of parameter, and what to say.
            self.bind(args, kwargs)
            return
        for name, value in zip(self._plain.names, args, strict=False):
            self._validate(name, value)
        for name, value in kwargs.items():
            self._validate(name, value)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        """Give the arguments as the function takes them. Raises what `check` raises."""
        check_names(self._name, self._signature, kwargs)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise misfit(self._name, self._signature, f"(): {error}") from None
        for name, value in bound.arguments.items():
            self._check(name, value)
        return bound

    def _check(self, name: str, value: object) -> None:
        match self._signature.parameters[name].kind, value:
            case inspect.Parameter.VAR_POSITIONAL, tuple(values):
                for index, each in enumerate(values):
                    self._validate(name, each, f"{name}[{index}]")
            case inspect.Parameter.VAR_KEYWORD, dict(values):
                for label, each in values.items():
                    self._validate(name, each, label)
            case _:
                self._validate(name, value)

    def _validate(self, name: str, value: Any, label: str = "") -> None:
        validator = self._validators.get(name)
        if validator is None:
            return
        try:
            validator.validate_python(value, strict=True)
        except ValidationError as error:
            # A numpy number is a number to whoever computed it.
            with contextlib.suppress(ValidationError):
                validator.validate_python(_without_numpy(value), strict=True)
                return
            problem = f"(): {explain(label or name, error)}"
            raise misfit(self._name, self._signature, problem) from None


def misfit(name: str, signature: inspect.Signature, problem: str) -> ArgumentsError:
    """Give the error that says what does not fit a function, and how it is called."""
    return ArgumentsError(f"{name}{problem}; it is called as {name}{_usage(signature)}")


def _usage(signature: inspect.Signature) -> str:
    """Give a signature as text, without what is noted beside the hints: it may be very long."""
    parameters = signature.parameters.values()
    plain = [each.replace(annotation=_noteless(each.annotation)) for each in parameters]
    result = _noteless(signature.return_annotation)
    try:
        text = str(signature.replace(parameters=plain, return_annotation=result))
    except Exception:  # noqa: BLE001 - the texts of defaults are code of the user's
        text = f"({', '.join(signature.parameters)})"
    return text if len(text) <= _LONGEST_USAGE else f"{text[:_LONGEST_USAGE]} ..."


def _noteless(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def check_names(name: str, signature: inspect.Signature, given: Iterable[str]) -> None:
    """See to it that a function has the parameters that are given by their names.

    Raises:
        ArgumentsError: it has not.
    """
    parameters = signature.parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for each in given:
        if each not in parameters:
            guess = did_you_mean(each, parameters)
            raise misfit(name, signature, f"() has no parameter {each!r}{guess}")


class _PlainParameters(NamedTuple):
    """The names of parameters that may all be given by position or by name."""

    names: tuple[str, ...]
    required: frozenset[str]

    @classmethod
    def of(cls, signature: inspect.Signature) -> Self | None:
        """Give those of a signature; None where it has others."""
        parameters = signature.parameters.values()
        if any(each.kind is not each.POSITIONAL_OR_KEYWORD for each in parameters):
            return None
        required = frozenset(each.name for each in parameters if each.default is each.empty)
        return cls(tuple(signature.parameters), required)

    def fit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Tell whether each argument has its parameter, and each parameter that needs one."""
        if not kwargs and len(args) == len(self.names):
            return True
        by_position = self.names[: len(args)]
        given = {*by_position, *kwargs}
        return (
            len(args) <= len(self.names)
            and len(given) == len(args) + len(kwargs)
            and self.required <= given
            and len(given.union(self.names)) == len(self.names)
        )


def _without_numpy(value: Any) -> Any:
    if is_instance(value, "numpy", "generic"):
        return value.item()
    if type(value) is dict:
        return {_without_numpy(key): _without_numpy(each) for key, each in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_without_numpy(each) for each in value)
    return value


def explain(label: str, error: ValidationError) -> str:
    """Say in one sentence what does not fit.

    `label` names the argument; without one, what does not fit is all of them by their names.
    """
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    place: Sequence[int | str] = first["loc"]
    message, more = first["msg"], ""
    if len(problems) > 1 and all(each["input"] is first["input"] for each in problems):
        # The branches of a union: each says what else it might have been.
        place = _common_start([each["loc"] for each in problems])
        message = ", or: ".join(dict.fromkeys(each["msg"] for each in problems))
    elif len(problems) > 1:
        more = f" (and {len(problems) - 1} more)"
    if not label and place:
        label, place = str(place[0]), place[1:]
    found = type(first["input"]).__name__
    steps = "".join(f"[{step!r}]" for step in place)
    return f"argument {label!r}{steps}: {message}, got {found}{more}"


def _common_start(places: Sequence[tuple[int | str, ...]]) -> tuple[int | str, ...]:
    """Give the steps that all the places begin with."""
    steps = itertools.takewhile(lambda each: len(set(each)) == 1, zip(*places, strict=False))
    return tuple(step[0] for step in steps)
