"""Calls that are given up together, from another thread than those that wait for them."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

from seer_rpc.errors import CallCancelledError

if TYPE_CHECKING:
    from seer_rpc.client.calls import Call
    from seer_rpc.client.relay import Relay


class CallGroup:
    """The calls that a piece of work makes, of whichever sessions."""

    def __init__(self) -> None:
        """Begin with none."""
        self.is_over = False
        """Whether it was given up; no call of it begins then."""
        # What is dropped in a cycle is given up by whatever runs at that moment.
        self._lock = threading.RLock()
        self._calls: list[tuple[Relay, Call]] = []

    def enter(self) -> None:
        """Have the calls that this thread makes from now on in the group."""
        GROUP.set(self)

    def add(self, relay: Relay, call: Call) -> None:
        """Take a call that is about to be sent.

        Raises:
            CallCancelledError: the group was given up.
        """
        with self._lock:
            calls = [*self._unanswered(), (relay, call)]
            if not self.is_over:
                self._calls = calls
                return
        relay.numbers.answer(call.seq)
        raise CallCancelledError("the call was given up before it was sent")

    def give_up(self) -> None:
        """Have the calls that have no outcome yet ended; does not wait for that."""
        with self._lock:
            self.is_over = True
            calls, self._calls = self._unanswered(), []
        for relay, call in calls:
            relay.abandon(call)

    def _unanswered(self) -> list[tuple[Relay, Call]]:
        return [(relay, call) for relay, call in self._calls if relay.numbers.lacks(call.seq)]


GROUP: ContextVar[CallGroup | None] = ContextVar("seer_rpc_call_group", default=None)
"""What the calls that are made here belong to."""
