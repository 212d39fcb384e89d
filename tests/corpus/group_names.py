"""Classes with methods that hide builtins, types and each other."""

import builtins
from dataclasses import dataclass

EXAMPLES = [
    ("Tools.list", {}, ["a"]),
    ("Tools.set", {"values": ["b"]}, 1),
    ("Tools.print", {"point": {"x": 1}}, {"x": 1}),
    ("Tools.staticmethod", {}, "Infinity"),
    ("Tools.float", {}, []),
    ("Other.list", {"int": 1}, 1),
    ("list", {}, []),
]


@dataclass
class Point:
    x: int = 0


@expose
class Tools:
    def list(self) -> builtins.list[str]:
        """Give names."""
        return ["a"]

    def set(self, values: builtins.list[str], number: int = 1) -> int:
        """Set names."""
        return number

    def print(self, point: Point) -> Point:
        """Give the point back."""
        return point

    def staticmethod(self, number: builtins.float = builtins.float("inf")) -> builtins.float:
        """Give a number back."""
        return number

    def float(self, str: builtins.set[int] = builtins.set()) -> builtins.set[int]:
        """Give numbers back."""
        return str

    def remote(self, _remote: int, Point: int = 1) -> int:
        """Have parameters called as other things are."""
        return _remote + Point


@expose
class Other:
    """Another one."""

    def list(self, int: int) -> int:
        """Give the number back."""
        return int


@expose
def list() -> builtins.list[int]:
    """Give nothing much."""
    return []
