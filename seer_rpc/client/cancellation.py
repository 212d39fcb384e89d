"""Giving up, from one thread, what another one waits for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from seer_rpc.errors import CallCancelledError


class Cancellable(Protocol):
    """A call on its way."""

    def cancel(self) -> object:
        """Give it up."""


class Cancellation:
    """The calls that are made in its context, until they are given up."""

    def __init__(self) -> None:
        """Begin with none."""
        # A signal's handler may give up what this thread adds to.
        self._lock = threading.RLock()
        self._calls: list[Cancellable] = []
        self.is_cancelled = False

    def cancel(self) -> None:
        """Give up those on their way, and those still to come."""
        with self._lock:
            self.is_cancelled = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def add(self, call: Cancellable) -> None:
        """Take in a call."""
        with self._lock:
            self._calls.append(call)
        if self.is_cancelled:
            call.cancel()

    def remove(self, call: Cancellable) -> None:
        """Forget one that is over."""
        with self._lock:
            self._calls.remove(call)


CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)
"""What can give up the calls that are made here."""


@contextmanager
def ending(call: Cancellable) -> Iterator[None]:
    """End the call with the block, or when it is given up before."""
    current = CURRENT.get()
    if current is not None:
        current.add(call)
    try:
        yield
    finally:
        call.cancel()
        if current is not None:
            current.remove(call)


@contextmanager
def cut_off(call: Cancellable) -> Iterator[None]:
    """End the call where it is given up before the block ends.

    Raises:
        CallCancelledError: it was given up before it began.
    """
    current = CURRENT.get()
    if current is None:
        yield
        return
    if current.is_cancelled:
        raise CallCancelledError("it was given up")
    current.add(call)
    try:
        yield
    finally:
        current.remove(call)


@contextmanager
def not_given_up() -> Iterator[None]:
    """Have the calls of the block made in any case: those that put things in order."""
    token = CURRENT.set(None)
    try:
        yield
    finally:
        CURRENT.reset(token)
