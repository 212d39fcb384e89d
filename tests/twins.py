"""Classes and their twins for asyncio."""

from __future__ import annotations

import inspect


def assert_twin(blocking: type, twin: type) -> None:
    """Check that every public method has a twin that takes the same arguments."""
    for method, value in inspect.getmembers(blocking):
        if method.startswith("_"):
            continue
        other = getattr(twin, method)
        if not callable(value):
            assert isinstance(other, property)
            continue
        parameters = [dict(inspect.signature(each).parameters) for each in (value, other)]
        assert parameters[0] == parameters[1], method
