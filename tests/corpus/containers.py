"""Generic containers in one another."""

EXAMPLES = [
    ("flatten", {"rows": [[1, 2], [], [3]]}, [1, 2, 3]),
    ("count", {"words": ["a", "b", "a"]}, {"a": 2, "b": 1}),
    ("pair", {"value": [1, "x"]}, ["x", 1]),
    ("largest", {"values": [3, 1, 2]}, 3),
    ("deep", {"value": {"a": [{"b": [1, None]}]}}, 1),
    ("unique", {"values": [1, 1]}, [1]),
    ("frozen", {"values": ["x"]}, ["x"]),
    ("numbered", {"names": {"1": "one"}}, {"1": "one"}),
    ("empty", {"value": []}, []),
]
FAILURES = [
    ("flatten", {"rows": [[1], ["x"]]}, "ArgumentError"),
    ("pair", {"value": [1]}, "ArgumentError"),
    ("count", {"words": "ab"}, "ArgumentError"),
]


@expose
def flatten(rows: list[list[int]]) -> list[int]:
    """Put rows behind each other."""
    return [value for row in rows for value in row]


@expose
def count(words: list[str]) -> dict[str, int]:
    """Count words."""
    return {word: words.count(word) for word in words}


@expose
def pair(value: tuple[int, str]) -> tuple[str, int]:
    """Turn a pair round."""
    return value[1], value[0]


@expose
def largest(values: tuple[int, ...]) -> int:
    """Give the largest."""
    return max(values)


@expose
def deep(value: dict[str, list[dict[str, tuple[int, int | None]]]]) -> int:
    """Count what is at the bottom."""
    return sum(len(inner) for outer in value.values() for inner in outer)


@expose
def unique(values: set[int]) -> set[int]:
    """Give each once."""
    return values


@expose
def frozen(values: frozenset[str]) -> frozenset[str]:
    """Give each once, for good."""
    return values


@expose
def numbered(names: dict[int, str]) -> dict[int, str]:
    """Have keys that are numbers."""
    return names


@expose
def empty(value: tuple[()]) -> tuple[()]:
    """Take an empty tuple."""
    return value
