"""Dataclasses with every option that changes how they are made."""

import time
from dataclasses import dataclass, field
from typing import ClassVar

EXAMPLES = [
    ("named", {"value": {"first": "a", "second": 2}}, "a2"),
    ("frozen", {"value": {"x": 1}}, {"x": 1, "y": 0}),
    ("computed", {"given": 2}, {"given": 2, "made": 4}),
    ("derived", {"value": {"a": 1, "b": 2}}, 3),
    ("empty", {"value": {}}, {}),
    ("stamped", {"value": {"text": "x", "at": 1.5}}, 1.5),
]


@dataclass(kw_only=True)
class Named:
    first: str = ""
    second: int


@dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    y: int = 0


@dataclass
class Computed:
    given: int
    made: int = field(init=False)
    constant: ClassVar[int] = 1

    def __post_init__(self):
        self.made = self.given * 2


@dataclass
class Base:
    a: int


@dataclass(order=True)
class Derived(Base):
    b: int = 0


@dataclass
class Empty:
    pass


@dataclass
class Stamped:
    text: str
    at: float = field(default_factory=time.time, compare=False, repr=False)
    rates: tuple[float, ...] = (float("inf"), 0.5)


@expose
def named(value: Named) -> str:
    """Take one that is made by names."""
    return f"{value.first}{value.second}"


@expose
def frozen(value: Frozen) -> Frozen:
    """Take one that does not change."""
    return value


@expose
def computed(given: int) -> Computed:
    """Give one that sets a field by itself."""
    return Computed(given)


@expose
def derived(value: Derived) -> int:
    """Take one that has a base."""
    return value.a + value.b


@expose
def empty(value: Empty) -> Empty:
    """Take one without fields."""
    return value


@expose
def stamped(value: Stamped) -> float:
    """Take one with a default that is another each time."""
    return value.at
