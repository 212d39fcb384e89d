"""The calls that wait for the main thread, the sessions taking turns."""

from __future__ import annotations

import os
import select
import time

from seer_runtime.turns import TurnQueue
from seer_runtime.wire.frames import FrameError
from seer_runtime.worker.connections import Call, Direct, Home

_SPIN = 200e-6
"""Seconds to look for the next call before going to sleep: to wake up costs more than a call."""


_TURNS = 8
"""Calls after which those of sessions that came meanwhile get their turn."""


class Inbox:
    """Reads every connection; gives one call at a time."""

    def __init__(self, home: Home) -> None:
        """Read `home`; others come with `add`."""
        self._connections: dict[int, Home | Direct] = {}
        self._waiting: TurnQueue[Call] = TurnQueue()
        self._epoll = select.epoll()
        self.is_over = False
        """Whether the front is gone."""
        self._spins = False
        self._turns = 0
        self.add(home)

    def fileno(self) -> int:
        """Give the descriptor that becomes readable when there may be a call."""
        return self._epoll.fileno()

    def __len__(self) -> int:
        """Give the number of connections."""
        return len(self._connections)

    def add(self, connection: Home | Direct) -> None:
        """Read this one too; may be called from another thread."""
        descriptor = connection.socket.fileno()
        self._connections[descriptor] = connection
        self._epoll.register(descriptor, select.EPOLLIN)

    def next(self) -> Call | None:
        """Wait for the call whose turn it is; None once the front is gone."""
        while not self.is_over:
            call = self._waiting.pop() if self._turns < _TURNS else None
            if call is None:
                call = self.poll()
            if call is not None:
                self._turns += 1
                self._spins = True
                return call
            if not self.is_over and not (self._spins and self._spin()):
                self._spins = False
                self._read(None)
        return None

    def poll(self) -> Call | None:
        """Give the call whose turn it is, if there is one."""
        self._read(0)
        return self._waiting.pop()

    def more(self, name: str, most: int, seconds: float) -> list[Call]:
        """Take calls of the function `name` that wait, or come within so many seconds."""
        end = time.monotonic() + seconds
        taken: list[Call] = []
        while True:
            taken += self._waiting.pop_some(name, most - len(taken))
            left = end - time.monotonic()
            if len(taken) == most or left <= 0 or self.is_over:
                return taken
            self._read(left)

    def _spin(self) -> bool:
        poll, clock, give_way = self._epoll.poll, time.perf_counter, os.sched_yield
        end = clock() + _SPIN
        while clock() < end:
            if events := poll(0):
                self._take_events(events)
                return True
            # The client may be waiting for this very processor.
            give_way()
        return False

    def _read(self, seconds: float | None) -> None:
        self._turns = 0
        self._take_events(self._epoll.poll(seconds))

    def _take_events(self, events: list[tuple[int, int]]) -> None:
        for descriptor, _ in events:
            connection = self._connections[descriptor]
            try:
                self._take_frames(connection)
            except (EOFError, FrameError, OSError):
                self._remove(connection)

    def _take_frames(self, connection: Home | Direct) -> None:
        while (frame := connection.read()) is not None:
            if isinstance(connection, Direct) and not connection.is_asked(frame):
                raise FrameError(f"a {frame.kind.name} frame of another session, or none to run")
            self._waiting.put(Call(frame, connection))
            if not connection.socket.has_more:
                # What else there is makes it readable again.
                return

    def _remove(self, connection: Home | Direct) -> None:
        descriptor = connection.socket.fileno()
        self._epoll.unregister(descriptor)
        del self._connections[descriptor]
        if isinstance(connection, Direct):
            connection.end()
        else:
            self.is_over = True
