"""Calls whose answers a client of a named session may not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from seer_runtime.front.deaths import BegunCall


class Unreceived(NamedTuple):
    """A call that has begun, and whose answer its client may not have."""

    name: str
    """The function; empty where it is not known."""

    epoch: int
    """Of the worker that began it."""


def find_unreceived(begun: Iterable[BegunCall], since: float) -> dict[int, Unreceived]:
    """Find the calls by their numbers that a session's client may have no answer to.

    An earlier session of that name may have been over at the time `since`.
    """
    calls = [each for each in begun if each[0].began >= since]
    acked = max((call.acked for call, *_ in calls), default=0)
    taken = {call.taken for call, *_ in calls}
    return {
        call.seq: Unreceived("".join(functions[call.function :][:1]), epoch)
        for call, epoch, functions in calls
        if call.seq > acked and call.seq not in taken
    }
