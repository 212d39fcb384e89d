"""Defaults that need care to be written down."""

EXAMPLES = [
    ("infinite", {}, ["Infinity", "-Infinity"]),
    ("missing", {}, True),
    ("missing", {"value": 1.0}, False),
    ("negative_zero", {}, "-0.0"),
    ("wide", {}, 4096),
]


@expose
def infinite(high: float = float("inf"), low: float = float("-inf")) -> list[float]:
    """Give the bounds back."""
    return [high, low]


@expose
def missing(value: float = float("nan")) -> bool:
    """Tell whether the value is no number."""
    return value != value


@expose
def negative_zero(value: float = -0.0) -> str:
    """Write the value down."""
    return repr(value)


@expose
def wide(value: int = 2**4095) -> int:
    """Count the bits of a large number."""
    return value.bit_length()


@expose
def surrogate(text: str = "\ud800") -> int:
    """Count the characters of a text that has no UTF-8."""
    return len(text)


@expose
def number(value: complex = 1 - 2j) -> float:
    """Give the absolute value."""
    return abs(value)
