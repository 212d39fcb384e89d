"""Numbers that JSON has no word for."""

EXAMPLES = [
    ("losses", {}, [0.5, "NaN", "Infinity", "-Infinity"]),
    ("by_name", {}, {"loss": "NaN"}),
    ("twice", {"value": "Infinity"}, "Infinity"),
    ("large", {}, 123456789012345678901234567890),
    ("tiny", {"value": 5e-324}, 5e-324),
]


@expose
def losses() -> list[float]:
    """Give losses of a run that went wrong."""
    return [0.5, float("nan"), float("inf"), float("-inf")]


@expose
def by_name() -> dict[str, float]:
    """Give one by its name."""
    return {"loss": float("nan")}


@expose
def twice(value: float) -> float:
    """Double."""
    return 2 * value


@expose
def large() -> int:
    """Give a number of many digits."""
    return 123456789012345678901234567890


@expose
def tiny(value: float) -> float:
    """Give the smallest number back."""
    return value
