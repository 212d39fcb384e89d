"""Exceptions called as others are."""

FAILURES = [
    ("slow", {}, "TimeoutError"),
    ("remote", {}, "RemoteError"),
    ("plain", {}, "TimeoutError"),
]

_Builtin = TimeoutError


class TimeoutError(OSError):
    """Not Python's own."""


class RemoteError(Exception):
    """Not ours."""


@expose
def slow() -> None:
    """Raise the one."""
    raise TimeoutError("slow")


@expose
def remote() -> None:
    """Raise the other."""
    raise RemoteError("far")


@expose
def plain() -> None:
    """Raise Python's own."""
    raise _Builtin("late")
