"""Functions under decorators of the interface's own."""

import functools

EXAMPLES = [("greet", {"name": "a"}, "HELLO a"), ("plus", {"value": 1}, 2), ("bound", {"text": "a"}, "a!")]


def loud(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return function(*args, **kwargs).replace("hello", "HELLO")

    return wrapped


@expose
@loud
def greet(name: str, greeting: str = "hello") -> str:
    """Greet someone."""
    return f"{greeting} {name}"


def plus(value: int) -> int:
    """Add one."""
    return value + 1


plus = expose(plus)


class _Marks:
    def bound(self, text: str) -> str:
        """Be a method of an object."""
        return f"{text}!"


bound = expose(_Marks().bound)
