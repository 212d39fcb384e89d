"""What a sandbox cannot have where it is to run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from seer_rpc.errors import BackendError


class Lack(NamedTuple):
    """Something that is asked for and cannot be."""

    what: str
    hint: str


def refuse_any(place: str, lacks: Iterable[Lack]) -> None:
    """Refuse a sandbox of which there are some.

    Raises:
        BackendError: there is one; the message says which.
    """
    for lack in lacks:
        raise BackendError(f"a sandbox {place} {lack.what}", hint=lack.hint)
