"""What a session begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Beginning(NamedTuple):
    """What a kernel is prepared with, each time that it starts."""

    steps: Sequence[Mapping[str, Any]] = ()
    libraries: str = ""
    """What can be imported, for who attaches to read."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Beginning:
        """Read what a client asked for."""
        return cls(given["steps"], given.get("libraries", ""))
