"""The calls that a judge makes, and what is right for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PAYLOAD = 200 << 10
MIX: Mapping[str, float] = MappingProxyType({"echo": 6.0, "reverse": 1.0, "count": 2.0, "nap": 1.0})
"""How often each function is called."""


class Call(NamedTuple):
    """One call of the witness."""

    key: str
    """Unlike any other's."""

    function: str
    argument: Any
    right: Any
    """What it must give; for a stream, the list of all items."""


def plan_call(number: int, seed: int, mix: Mapping[str, float] = MIX) -> Call:
    """Give the call of that number: the same for the same seed."""
    draw = random.Random(f"{seed}/{number}")
    (function,) = draw.choices(list(mix), list(mix.values()))
    key = f"{function}-{number}"
    argument, right = _VALUES[function](draw, key)
    return Call(key, function, argument, right)


def _echo(draw: random.Random, key: str) -> tuple[str, str]:
    text = f"{key}:{draw.random()}"
    return text, text


def _reverse(draw: random.Random, key: str) -> tuple[bytes, bytes]:
    payload = draw.randbytes(PAYLOAD)
    return payload, payload[::-1]


def _count(draw: random.Random, key: str) -> tuple[int, list[tuple[str, int]]]:
    items = draw.randrange(1, 40)
    return items, [(key, number) for number in range(items)]


def _nap(draw: random.Random, key: str) -> tuple[float, str]:
    return draw.uniform(0.0, 0.03), key


_VALUES: Mapping[str, Callable[[random.Random, str], tuple[Any, Any]]] = MappingProxyType(
    {"echo": _echo, "reverse": _reverse, "count": _count, "nap": _nap}
)
