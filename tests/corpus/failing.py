"""Functions that fail in ways of their own."""

FAILURES = [
    ("value", {}, "ValueError"),
    ("key", {"key": "x"}, "KeyError"),
    ("type", {}, "TypeError"),
    ("assertion", {}, "AssertionError"),
    ("chained", {}, "RuntimeError"),
    ("unencodable", {}, "ValueCrossingError"),
    ("missing", {}, "ArgumentError"),
]


@expose
def value() -> None:
    """Raise ValueError."""
    raise ValueError("no")


@expose
def key(key: str) -> int:
    """Raise KeyError."""
    return {}[key]


@expose
def type() -> None:
    """Raise TypeError."""
    raise TypeError("not so")


@expose
def assertion() -> None:
    """Fail an assertion."""
    raise AssertionError


@expose
def chained() -> None:
    """Raise one because of another."""
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise RuntimeError("outer") from error


@expose
def unencodable() -> object:
    """Give what cannot cross."""
    return object()


@expose
def missing(value: int) -> int:
    """Need a value."""
    return value
