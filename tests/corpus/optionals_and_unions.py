"""Values that may be missing, or of several types."""

from typing import Optional, Union

EXAMPLES = [
    ("optional", {}, "nobody"),
    ("optional", {"name": "Ada"}, "Ada"),
    ("either", {"value": 1}, "int"),
    ("either", {"value": "1"}, "str"),
    ("either", {"value": [1.5]}, "list"),
    ("old", {"value": None}, None),
    ("required", {"value": None}, True),
]
FAILURES = [
    ("either", {"value": {"a": 1}}, "ArgumentError"),
    ("required", {}, "ArgumentError"),
]


@expose
def optional(name: str | None = None) -> str:
    """Say who it is."""
    return name or "nobody"


@expose
def either(value: int | str | list[float]) -> str:
    """Say of which type the value is."""
    return type(value).__name__


@expose
def old(value: Optional[Union[int, str]]) -> Union[int, str, None]:
    """Use the older spelling."""
    return value


@expose
def required(value: int | None) -> bool:
    """Take nothing only where it is said."""
    return value is None
