"""Enums of each kind."""

import enum
from typing import Literal

EXAMPLES = [
    ("paint", {"color": 1}, 1),
    ("paint", {"color": "blue"}, "blue"),
    ("paint", {}, 1),
    ("raise_level", {"level": 1}, 2),
    ("say", {"mode": "fast"}, "fast"),
    ("names", {}, ["RED", "BLUE"]),
    ("allowed", {"access": 3}, True),
    ("only", {"color": 1}, "RED"),
]
FAILURES = [
    ("paint", {"color": "green"}, "ArgumentError"),
    ("raise_level", {"level": 7}, "ArgumentError"),
]


class Color(enum.Enum):
    """The colours that there are."""

    RED = 1
    CRIMSON = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    FAST = "fast"
    SLOW = enum.auto()


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


@expose
def paint(color: Color = Color.RED) -> Color:
    """Paint."""
    return color


@expose
def raise_level(level: Level) -> Level:
    """Go one up."""
    return Level(level + 1)


@expose
def say(mode: Mode = Mode.SLOW) -> Mode:
    """Say how."""
    return mode


@expose
def names() -> list[str]:
    """List the colours."""
    return [each.name for each in Color]


@expose
def allowed(access: Access, bits: Bits = Bits.ONE) -> bool:
    """Tell whether it may be read."""
    return Access.READ in access


@expose
def only(color: Literal[Color.RED]) -> str:
    """Take one member alone."""
    return color.name
