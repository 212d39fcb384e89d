"""A relay: one connection through the proxy, and what is done to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeAlias

from tests.faults.plan import Direction, Fault, Injection

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_CHUNK = 64 << 10
_DRIP = 512
_DRIP_PERIOD = 0.002
_LATENCY = (0.020, 0.150)
_CLOSE = 1.0
"""Seconds that both ends get to answer a close in order."""


class Surroundings(Protocol):
    """What a relay needs of its proxy."""

    @property
    def gates(self) -> Mapping[Direction, asyncio.Event]:
        """Where one is closed, nothing passes in its direction."""

    def count(self, relay: Relay, injection: Injection, passed: int) -> bool:
        """Count a fault; False where it must not happen any more."""

    def shut(self, injection: Injection) -> None:
        """Let nobody in for a while."""


@dataclass
class _Flow:
    """One direction of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    passed: int = 0
    pending: Injection | None = None
    due: int = 0
    """Where the pending fault strikes, in bytes since the beginning."""

    swallows: bool = False
    late: bool = False
    drips: bool = False

    def piece(self, data: bytes) -> bytes:
        """Give what may pass at once."""
        most = _DRIP if self.drips else len(data)
        if self.pending is not None:
            left = max(1, self.due - self.passed)
            if self.pending.fault is Fault.TRUNCATE and left <= len(data):
                left = max(1, len(data) // 2)
                self.due = self.passed + left
            most = min(most, left)
        return data[:most]


class Relay:
    """Carries bytes between a client and a server until one is gone or a fault ends it."""

    def __init__(
        self, number: int, client: Streams, server: Streams, surroundings: Surroundings
    ) -> None:
        """Carry nothing yet."""
        self.number = number
        self._around = surroundings
        self._flows = {
            Direction.REQUEST: _Flow(client[0], server[1]),
            Direction.REPLY: _Flow(server[0], client[1]),
        }
        self._jitter = Random(number)
        self._gate = asyncio.Event()
        self._gate.set()
        self._struck = asyncio.Event()
        self._over = asyncio.Event()
        self._is_dark = False
        self._linger = 0.0
        self._ended = 0
        self._playing: asyncio.Task[None] | None = None

    def play(self, script: Iterator[Injection]) -> None:
        """Follow a script from now on."""
        if self._playing is not None:
            self._playing.cancel()
        for flow in self._flows.values():
            flow.pending = None
        if not self._over.is_set():
            self._playing = asyncio.create_task(self._play(script))

    def reset(self) -> None:
        """End both ends with a reset, at once."""
        self._linger = 0.0
        for flow in self._flows.values():
            flow.swallows = True
        self._over.set()

    async def run(self) -> None:
        """Carry bytes to the end."""
        pumps = [asyncio.create_task(self._pump(flow)) for flow in self._flows.values()]
        try:
            await self._over.wait()
            # Whoever still sends is listened to: to close on it would reset the connection.
            await asyncio.wait(pumps, timeout=self._linger)
        finally:
            tasks = [*pumps, *([self._playing] if self._playing else [])]
            for task in tasks:
                task.cancel()
            self._abort()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, flow: _Flow) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await flow.reader.read(_CHUNK):
                while data and not flow.swallows:
                    data = data[await self._pass(flow, data) :]
            self._ended += 1
            if not flow.swallows:
                _end(flow.writer)
            if self._ended < len(self._flows) and not self._is_dark:
                return
        self._over.set()

    async def _pass(self, flow: _Flow, data: bytes) -> int:
        """Let a piece pass, with what strikes behind it; give its length."""
        piece = flow.piece(data)
        if flow.late:
            await asyncio.sleep(self._jitter.uniform(*_LATENCY))
        if flow.drips:
            await asyncio.sleep(_DRIP_PERIOD)
        await self._gate.wait()
        await self._around.gates[self._direction(flow)].wait()
        if flow.swallows:
            return len(data)
        flow.writer.write(piece)
        flow.passed += len(piece)
        await flow.writer.drain()
        if flow.pending is not None and flow.passed >= flow.due:
            injection, flow.pending = flow.pending, None
            self._strike(injection)
            self._struck.set()
        return len(piece)

    async def _play(self, script: Iterator[Injection]) -> None:
        for injection in script:
            # Without a wait it strikes before anything passes.
            if injection.wait:
                await asyncio.sleep(injection.wait)
            flow = self._flows[injection.direction]
            if injection.offset or injection.fault is Fault.TRUNCATE:
                self._struck.clear()
                flow.pending, flow.due = injection, flow.passed + injection.offset
                await self._struck.wait()
            else:
                self._strike(injection)
            if self._is_dark:
                # What happens now is seen by nobody.
                return
            await asyncio.sleep(injection.seconds)

    def _strike(self, injection: Injection) -> None:
        flow = self._flows[injection.direction]
        if self._over.is_set() or not self._around.count(self, injection, flow.passed):
            return
        match injection.fault:
            case Fault.RST_REQUEST | Fault.RST_REPLY:
                self.reset()
            case Fault.REFUSE | Fault.ACCEPT_RESET:
                self._around.shut(injection)
                self.reset()
            case Fault.FIN | Fault.TRUNCATE:
                self._close()
            case Fault.BLACKHOLE:
                self._darken(injection, *self._flows.values())
            case Fault.BLACKHOLE_ONE_WAY:
                self._darken(injection, flow)
            case Fault.LATENCY:
                self._for_a_while(injection, self._set_late)
            case Fault.DRIP:
                self._for_a_while(injection, self._set_drips)
            case Fault.STALL:
                self._for_a_while(injection, self._set_stalled)

    def _close(self) -> None:
        self._linger = _CLOSE
        for flow in self._flows.values():
            flow.swallows = True
            _end(flow.writer)
        self._gate.set()
        self._over.set()

    def _darken(self, injection: Injection, *flows: _Flow) -> None:
        # An end that gives up is not told to the other one for a while.
        self._is_dark, self._linger = True, injection.seconds
        for flow in flows:
            flow.swallows = True
        if self._ended:
            self._over.set()

    def _for_a_while(self, injection: Injection, switch: Callable[[bool], None]) -> None:
        switch(True)
        asyncio.get_running_loop().call_later(injection.seconds, switch, False)

    def _set_late(self, on: bool) -> None:
        for flow in self._flows.values():
            flow.late = on

    def _set_drips(self, on: bool) -> None:
        for flow in self._flows.values():
            flow.drips = on

    def _set_stalled(self, on: bool) -> None:
        (self._gate.clear if on else self._gate.set)()

    def _direction(self, flow: _Flow) -> Direction:
        is_request = flow is self._flows[Direction.REQUEST]
        return Direction.REQUEST if is_request else Direction.REPLY

    def _abort(self) -> None:
        for flow in self._flows.values():
            abort(flow.writer)


def _end(writer: asyncio.StreamWriter) -> None:
    """Say that no more comes, unless the other end is gone."""
    with contextlib.suppress(OSError):
        writer.write_eof()


def abort(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once; TCP says so with a reset."""
    connection: socket.socket = writer.get_extra_info("socket")
    # Whatever was closed in order before is past resetting.
    with contextlib.suppress(OSError):
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
