"""The fault proxy: between a client and a server, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.faults.plan import FAULT_FREE, Direction, Fault, Injection, Plan
from tests.faults.relay import Relay, Streams, abort

_HOST = "127.0.0.1"
_UNIX = "unix:"


class Event(NamedTuple):
    """A fault that happened."""

    connection: int
    fault: Fault
    direction: Direction
    passed: int
    """Bytes that had passed in that direction."""


class FaultProxy:
    """Listens on this machine and forwards to `unix:/path` or `host:port`.

    It starts without a fault, and ends by itself after `lifetime` seconds.
    """

    def __init__(self, target: str, lifetime: float = 120.0) -> None:
        """Start."""
        self.events: list[Event] = []
        self.connections = 0
        self._target = target
        self._lifetime = lifetime
        self._plan = FAULT_FREE
        self._before_plan = 0
        self._server: asyncio.Server | None = None
        self._resets_until = 0.0
        self._relays: set[Relay] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # Never listens: it keeps the port while nobody else does.
        self._holder = _bound(0)
        self._port: int = self._holder.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="fault-proxy", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{_HOST}:{self._port}"

    @property
    def injected(self) -> Counter[Fault]:
        """How many faults there were of each kind."""
        return Counter(event.fault for event in tuple(self.events))

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def play(self, plan: Plan) -> None:
        """Follow a plan from now on, on the connections that there are and on new ones."""
        self._do(lambda: self._start_plan(plan))

    def freeze(self, *directions: Direction) -> None:
        """Let nothing pass in these directions, or in any, until `heal`; nothing is lost."""

        def close_gates() -> None:
            for direction in directions or Direction:
                self.gates[direction].clear()

        self._do(close_gates)

    def heal(self) -> None:
        """Play no plan any more and let everything pass, what was held up too."""
        self._do(self._heal)

    def break_all(self) -> None:
        """Reset every connection that there is."""

        def reset() -> None:
            for relay in self._relays:
                relay.reset()

        self._do(reset)

    def close(self) -> None:
        """End, and with it every connection."""
        self._do(lambda: self._stopped.set())
        self._thread.join()

    def __enter__(self) -> Self:
        """Give the proxy itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End."""
        self.close()

    # What relays need.

    def count(self, relay: Relay, injection: Injection, passed: int) -> bool:
        """Count a fault; False where the plan's limit is reached."""
        done = len(self.events) - self._before_plan
        if self._plan.limit is not None and done >= self._plan.limit:
            return False
        event = Event(relay.number, injection.fault, injection.direction, passed)
        self.events.append(event)
        return True

    def shut(self, injection: Injection) -> None:
        """Refuse or reset whoever connects, for a while."""
        if injection.fault is Fault.ACCEPT_RESET:
            self._resets_until = self._loop.time() + injection.seconds
        elif self._server is not None:
            self._server.close()
            self._server = None
            self._keep(self._listen_again(injection.seconds))

    # On the thread.

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self.gates = {direction: asyncio.Event() for direction in Direction}
        for gate in self.gates.values():
            gate.set()
        with self._holder:
            await self._listen()
            self._ready.set()
            try:
                async with asyncio.timeout(self._lifetime):
                    await self._stopped.wait()
            except TimeoutError:
                pass
            finally:
                await self._end()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Transports close their sockets a turn later.
        await asyncio.sleep(0)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=_bound(self._port))

    async def _listen_again(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._loop.time() < self._resets_until:
            abort(writer)
            return
        self.connections += 1
        self._keep(self._relay(self.connections, (reader, writer)))

    async def _relay(self, number: int, client: Streams) -> None:
        try:
            server = await self._connect()
        except BaseException:
            abort(client[1])
            raise
        relay = Relay(number, client, server, self)
        self._relays.add(relay)
        relay.play(self._plan.script(number))
        try:
            await relay.run()
        finally:
            self._relays.discard(relay)

    async def _connect(self) -> Streams:
        if self._target.startswith(_UNIX):
            return await asyncio.open_unix_connection(self._target.removeprefix(_UNIX))
        host, _, port = self._target.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    def _start_plan(self, plan: Plan) -> None:
        self._plan, self._before_plan = plan, len(self.events)
        for relay in self._relays:
            relay.play(plan.script(relay.number))

    def _heal(self) -> None:
        self._start_plan(FAULT_FREE)
        for gate in self.gates.values():
            gate.set()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_unless_refused(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _do(self, work: Callable[[], object]) -> None:
        """Have the thread do something, and wait for it; one that has ended does nothing."""
        done = threading.Event()

        def do() -> None:
            work()
            done.set()

        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(do)
        while self.is_running and not done.wait(0.05):
            pass


async def _unless_refused(work: Coroutine[Any, Any, None]) -> None:
    # A server that is gone is told to clients by the reset of their connections.
    with contextlib.suppress(OSError):
        await work


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((_HOST, port))
    return bound
