"""Names that are almost keywords."""

EXAMPLES = [
    ("match", {"case": 1, "type": "a", "_": 2}, 3),
    ("run", {"async_": 1, "from_": "x"}, "x1"),
    ("true", {}, True),
    ("exec", {"eval": "1+1"}, "1+1"),
]


@expose
def match(case: int, type: str, _: int) -> int:
    """Add."""
    return case + _


@expose
def run(async_: int, from_: str = "") -> str:
    """Join."""
    return f"{from_}{async_}"


@expose
def true() -> bool:
    """Give what it is called."""
    return True


@expose
def exec(eval: str) -> str:
    """Run nothing."""
    return eval
