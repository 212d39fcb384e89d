"""One function for each plain type."""

EXAMPLES = [
    ("integer", {"value": 2}, 4),
    ("integer", {"value": 10000000000000000000000}, 20000000000000000000000),
    ("real", {"value": 1.5}, 3.0),
    ("truth", {"value": True}, False),
    ("text", {"value": "ab"}, "abab"),
    ("data", {"value": "AAE="}, "AAEAAQ=="),
    ("nothing", {"value": None}, None),
    ("parts", {"real": 1.0, "imaginary": -2.0}, "(1-2j)"),
]
FAILURES = [
    ("integer", {"value": "two"}, "ArgumentError"),
    ("integer", {"value": 1.5}, "ArgumentError"),
    ("text", {"value": 1}, "ArgumentError"),
    ("nothing", {"value": 1}, "ArgumentError"),
]


@expose
def integer(value: int) -> int:
    """Double an integer."""
    return 2 * value


@expose
def real(value: float) -> float:
    """Double a number."""
    return 2 * value


@expose
def truth(value: bool) -> bool:
    """Negate."""
    return not value


@expose
def text(value: str) -> str:
    """Repeat a text."""
    return 2 * value


@expose
def data(value: bytes) -> bytes:
    """Repeat bytes."""
    return 2 * value


@expose
def nothing(value: None) -> None:
    """Take nothing, give nothing."""
    return value


@expose
def parts(real: float, imaginary: float) -> complex:
    """Make a complex number."""
    return complex(real, imaginary)
