"""Parameters with the names that callers' own code likes to use."""

EXAMPLES = [
    ("first", {"self": 1, "cls": 2, "function": 3}, 6),
    ("second", {"args": [1], "kwargs": {"a": 2}}, [[1], {"a": 2}]),
    ("third", {"timeout": 1.5, "name": "a", "session": 2, "remote": 3}, [1.5, "a", 2, 3]),
    ("fourth", {"result": 1, "on_progress": 2, "call": 3, "return_": 4}, 10),
    ("fifth", {"x": 1, "types": 2, "arguments": {"a": 1}}, [1, 2, {"a": 1}]),
    ("sixth", {"self": 1, "function": 2, "args": 3}, {"self": 1, "function": 2, "args": 3}),
]


@expose
def first(self: int, cls: int, function: int) -> int:
    """Add."""
    return self + cls + function


@expose
def second(args: list[int], kwargs: dict[str, int]) -> list:
    """Take lists and dictionaries by these names."""
    return [args, kwargs]


@expose
def third(timeout: float, name: str, session: int, remote: int) -> list:
    """Give them back."""
    return [timeout, name, session, remote]


@expose
def fourth(result: int, on_progress: int, call: int, return_: int) -> int:
    """Add."""
    return result + on_progress + call + return_


@expose
def fifth(x: int, types: int, arguments: dict[str, int]) -> list:
    """Give them back."""
    return [x, types, arguments]


@expose
def sixth(**values: int) -> dict[str, int]:
    """Take any name."""
    return values
