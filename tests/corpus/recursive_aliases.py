"""Aliases, one of them of itself."""

from typing import Union

from typing_extensions import TypeAliasType

EXAMPLES = [
    ("leaves", {"value": [1, [2, [3]]]}, 3),
    ("names", {"values": {"a": [1, 2]}}, ["a"]),
]

Json = TypeAliasType("Json", "Union[dict[str, Json], list[Json], str, int, float, bool, None]")
Rows = TypeAliasType("Rows", dict[str, list[int]])


@expose
def leaves(value: Json) -> int:
    """Count what is in no list."""
    return sum(map(leaves, value)) if isinstance(value, list) else 1


@expose
def names(values: Rows) -> list[str]:
    """Name the rows."""
    return list(values)


@expose
def same(value: Json) -> Json:
    """Give the value back."""
    return value
