"""The calls that run, and the ways to end them."""

from __future__ import annotations

import asyncio
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from seer_runtime.wire.frames import CallKey, Frame, Kind
from seer_runtime.wire.ledger import LedgerWriter
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.worker.connections import Call, Direct
from seer_runtime.worker.journal import CallJournal
from seer_runtime.worker.lines import CallLines
from seer_runtime.worker.sessions import Sessions
from seer_runtime.worker.streams import StreamSender

_NO_FUNCTION = (1 << 32) - 1
"""Stands in the ledger for a function that does not exist."""


_MOST_EARLY = 4096
"""Calls that are remembered as ended before they came."""


class CallCancelledError(BaseException):
    """Raised inside a function whose call was cancelled. Not an Exception: few expect it."""


class Running:
    """A call that runs, on the thread that made this."""

    timeout = 0
    """The milliseconds that the caller gave, where it was cancelled because they are over."""

    is_noted = False
    """Whether the journal has it as one that runs."""

    output: CallLines | None = None
    """What it prints, once it has printed anything."""

    def __init__(self, call: Call, place: int, began: float) -> None:
        """Remember the thread; `place` is the call's in the ledger."""
        self.call = call
        self.place = place
        self.began = began
        self.requested: Failure.State.ValueType | None = None
        """What ending it does to the state; None where nobody asked for that."""
        self.is_over = False
        self._thread = threading.get_ident()
        self._has_thread = True
        self._cancel_task: Callable[[], object] | None = None
        self._sender: StreamSender | None = None

    def watch(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        """Say that the call is this task, which its loop can cancel."""
        self._cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.requested is not None:
            self._cancel_task()

    def share_thread(self) -> None:
        """Say that the call is a task among others: nothing can be raised on its thread."""
        self._has_thread = False

    def feed(self, sender: StreamSender) -> None:
        """Say that the call gives a stream, which wants to know what was taken of it."""
        self._sender = sender
        if self.requested is not None:
            sender.give_up()

    def acknowledge(self, taken: int) -> None:
        """So many items of its stream were taken."""
        if self._sender is not None:
            self._sender.acknowledge(taken)

    def cancel(self) -> None:
        """End it where it can be ended cleanly."""
        if self.requested is not None:
            return
        self.requested = Failure.KEPT
        if self._sender is not None:
            self._sender.give_up()
        if self._cancel_task is not None:
            self._cancel_task()
        if self._has_thread:
            _TORCH_STOP.add(self._thread)

    def interrupt(self) -> None:
        """Have the interpreter raise in it, wherever it is."""
        if self._has_thread:
            self.requested = Failure.TAINTED
            _raise_in(self._thread, CallCancelledError)

    def end(self) -> None:
        """Forget what was still to be raised in it."""
        self.is_over = True
        if self.requested is not None and self._has_thread:
            _TORCH_STOP.discard(self._thread)
            if self.requested == Failure.TAINTED:
                _raise_in(self._thread, None)


class RunningCalls:
    """All of them. The main thread and its helpers begin and end calls; the courier ends them."""

    def __init__(self, ledger: LedgerWriter, sessions: Sessions, journal: CallJournal) -> None:
        """Write into `ledger` what begins and ends; ask `sessions` what has begun before."""
        self.journal = journal
        self._ledger = ledger
        self._sessions = sessions
        self._functions: dict[str, int] = {}
        self._lock = threading.Lock()
        self._running: dict[CallKey, Running] = {}
        self._early: dict[CallKey, Failure.Kind.ValueType] = {}
        self._is_draining = False

    def know(self, functions: Iterable[str]) -> None:
        """Learn the names of the functions, in the order of the schema."""
        self._functions = {name: number for number, name in enumerate(functions)}

    def all(self) -> list[Running]:
        """Give those that run now."""
        with self._lock:
            return list(self._running.values())

    def drain(self) -> None:
        """Begin nothing that comes directly from now on; the front knows of all else."""
        with self._lock:
            self._is_draining = True

    def begin(self, call: Call) -> Running | None:
        """Say that a call begins; it must not where this gives None."""
        key = call.key
        with self._lock:
            reason = self._early.pop(key, None)
            if self._is_draining and isinstance(call.connection, Direct):
                reason = reason or Failure.DRAINING
            if reason is not None:
                call.given_up = reason
                self.journal.add_unbegun(call.frame, call.given_up)
                return None
            if not self._admit(call):
                return None
            began, function = time.monotonic(), self._functions.get(call.frame.name, _NO_FUNCTION)
            acked, taken = call.connection.carry(call.frame)
            place = self._ledger.begin(*key, function, began, acked, taken)
            running = Running(call, place, began)
            self._running[key] = running
            return running

    def _admit(self, call: Call) -> bool:
        connection = call.connection
        if isinstance(connection, Direct):
            return not connection.is_superseded and connection.session.admit(call)
        return self._sessions.open(call.frame.session).admit(call)

    def recall(self, key: CallKey) -> bool:
        """Have the answer of a call go home, if there is one; False where it is gone."""
        session, seq = key
        return self._sessions.of(session).recall(seq)

    def end(self, running: Running) -> None:
        """Say that a call ended."""
        with self._lock:
            self._running.pop(running.call.key, None)
            running.end()
            self._ledger.finish(running.place)
        if running.output is not None:
            running.output.end()

    def steer(self, request: Frame) -> bool:
        """Do with a call what the front asks for; False for one to cancel that has not begun."""
        key = request.key
        with self._lock:
            running = self._running.get(key)
            if running is None:
                if request.kind is Kind.CANCEL and not self._sessions.has_begun(*key):
                    reason = Failure.DEADLINE if request.timeout else Failure.CANCELLED
                    self._early[key] = reason
                    if len(self._early) > _MOST_EARLY:
                        # It never came.
                        del self._early[next(iter(self._early))]
                    return False
            elif request.kind is Kind.MORE:
                running.acknowledge(request.ack)
            elif request.kind is Kind.INTERRUPT:
                running.interrupt()
            else:
                running.timeout = running.timeout or request.timeout
                running.cancel()
        return True


class _TorchStop:
    """Stops torch at the next module's forward, on the threads whose calls were cancelled."""

    def __init__(self) -> None:
        self._threads: set[int] = set()
        self._hook: Any = None

    def add(self, thread: int) -> None:
        # Torch may be half imported.
        modules: Any = sys.modules.get("torch.nn.modules.module")
        register = getattr(modules, "register_module_forward_pre_hook", None)
        if register is None:
            return
        self._threads.add(thread)
        if self._hook is None:
            self._hook = register(self._stop)

    def discard(self, thread: int) -> None:
        self._threads.discard(thread)
        if self._hook is not None and not self._threads:
            self._hook.remove()
            self._hook = None

    def _stop(self, *_: object) -> None:
        if threading.get_ident() in self._threads:
            raise CallCancelledError("the call was cancelled")


_TORCH_STOP = _TorchStop()


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have the interpreter raise `error` in a thread, or forget what it was to raise."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error is not None else None
    )
