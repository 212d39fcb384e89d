"""Dataclasses in one another."""

from dataclasses import dataclass, field

EXAMPLES = [
    ("area", {"box": {"corner": {"x": 0.0, "y": 0.0}, "size": {"x": 2.0, "y": 3.0}}}, 6.0),
    ("middle", {"first": {"x": 0.0}, "second": {"x": 2.0, "y": 4.0}}, {"x": 1.0, "y": 2.0}),
    ("tags", {"item": {"name": "a", "tags": ["x"]}}, ["a", "x"]),
    ("tags", {"item": {"name": "a"}}, ["a"]),
    ("origin", {}, {"x": 0.0, "y": 0.0}),
]
FAILURES = [
    ("area", {"box": {"corner": {"x": 0.0, "y": 0.0}}}, "ArgumentError"),
    ("tags", {"item": {"name": "a", "tags": "x"}}, "ArgumentError"),
]


@dataclass
class Point:
    """A point in the plane."""

    x: float
    y: float = 0.0


@dataclass
class Box:
    corner: Point
    size: Point


@dataclass
class Item:
    """Something with "tags"."""

    name: str
    tags: list[str] = field(default_factory=list)


@expose
def area(box: Box) -> float:
    """Give the area of a box."""
    return box.size.x * box.size.y


@expose
def middle(first: Point, second: Point) -> Point:
    """Give the point between two."""
    return Point((first.x + second.x) / 2, (first.y + second.y) / 2)


@expose
def tags(item: Item) -> list[str]:
    """Give an item's name and tags."""
    return [item.name, *item.tags]


@expose
def origin() -> Point:
    """Give the point where both axes meet."""
    return Point(0.0)
