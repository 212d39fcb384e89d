"""Defaults of every plain type: they are what they are on both sides."""

EXAMPLES = [
    ("texts", {}, ["", 'it\'s "quoted"', "\n\t\\ {x} 🧀 \0"]),
    ("numbers", {}, [-1, 0.0, 1e-300, 1000000000000000000000000000000]),
    ("others", {}, [False, None, "AAEn"]),
    ("containers", {}, [[1, [2]], {"a": [1]}, []]),
    ("switch", {"on": True}, "on"),
]
FAILURES = [("switch", {"on": "maybe"}, "ArgumentError")]


@expose
def texts(
    a: str = "", b: str = "it's \"quoted\"", c: str = "\n\t\\ {x} 🧀 \0"
) -> list[str]:
    """Give the texts back."""
    return [a, b, c]


@expose
def numbers(
    a: int = -1, b: float = 0.0, c: float = 1e-300, d: int = 10**30
) -> list[int | float]:
    """Give the numbers back."""
    return [a, b, c, d]


@expose
def others(a: bool = False, b: None = None, c: bytes = b"\0\x01'") -> list[bool | None | bytes]:
    """Give the rest back."""
    return [a, b, c]


@expose
def containers(
    a: list = [1, [2]], b: dict[str, tuple[int, ...]] = {"a": (1,)}, c: set[int] = set()
) -> list:
    """Give the containers back."""
    return [a, b, c]


@expose
def switch(on: bool = False) -> str:
    """Say what it is."""
    return "on" if on else "off"
