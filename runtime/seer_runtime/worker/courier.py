"""Cancellations: taken on a thread of their own, while the main thread runs calls."""

from __future__ import annotations

import asyncio
import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.worker.link import FrontLink
from seer_runtime.worker.streams import StreamSender

CallKey: TypeAlias = tuple[bytes, int]


class CallCancelledError(BaseException):
    """Raised inside a function whose call was cancelled. Not an Exception: few expect it."""


class Courier:
    """Ends calls on request.

    A call that has not begun is answered here and never begins. One that runs is ended in two
    steps: an async function by its task's cancellation, and torch by an exception at the next
    module's forward; then, if the front asks again, by an exception wherever the main thread is.
    """

    def __init__(self, link: FrontLink) -> None:
        """Take requests from `link`, on a thread that starts now."""
        self._link = link
        self._main = threading.main_thread().ident
        self._lock = threading.Lock()
        self._running: CallKey | None = None
        self._state: Failure.State.ValueType | None = None
        self._early: set[CallKey] = set()
        self._cancel_task: Callable[[], object] | None = None
        self._hook: Any = None
        self._sender: StreamSender | None = None
        threading.Thread(target=self._receive, name="seer-courier", daemon=True).start()

    def begin(self, call: Frame) -> bool:
        """Say that a call begins; it must not where this gives False."""
        key = (call.session, call.seq)
        with self._lock:
            cancelled = key in self._early
            # Calls of a session come in order: what was cancelled before this one is over.
            self._early = {each for each in self._early if each[0] != key[0] or each[1] > key[1]}
            if not cancelled:
                self._running, self._state = key, None
            return not cancelled

    def watch(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        """Say that the call is this task, which its loop can cancel."""
        with self._lock:
            self._cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
            if self._state is not None:
                self._cancel_task()

    @property
    def requested(self) -> Failure.State.ValueType | None:
        """What ending the running call does to the state; None where nobody asked for it."""
        return self._state

    def feed(self, sender: StreamSender) -> None:
        """Say that the call gives a stream, which wants to know what was taken of it."""
        with self._lock:
            self._sender = sender
            if self._state is not None:
                sender.give_up()

    def end(self) -> None:
        """Say that the call ended, and forget what was still to be raised in it."""
        with self._lock:
            self._running = self._cancel_task = self._sender = None
            if self._hook is not None:
                self._hook.remove()
                self._hook = None
            if self._state == Failure.TAINTED:
                _raise_in(self._main, None)

    def _receive(self) -> None:
        while (request := self._link.receive()) is not None:
            key = (request.session, request.seq)
            with self._lock:
                if request.kind is Kind.MORE:
                    if key == self._running and self._sender is not None:
                        self._sender.acknowledge(request.ack)
                elif key != self._running:
                    self._refuse(request, key)
                elif request.kind is Kind.INTERRUPT:
                    self._state = Failure.TAINTED
                    _raise_in(self._main, CallCancelledError)
                elif self._state is None:
                    self._state = Failure.KEPT
                    self._cancel_cleanly()

    def _refuse(self, request: Frame, key: CallKey) -> None:
        """Answer for a call that has not begun; the front drops it for one that has ended."""
        if request.kind is Kind.CANCEL:
            self._early.add(key)
            failure = Failure(
                kind=Failure.CANCELLED, effect=Failure.NOT_STARTED, message="cancelled"
            )
            self._link.send(
                Frame(
                    Kind.ERROR,
                    request.session,
                    request.seq,
                    epoch=request.epoch,
                    body=failure.SerializeToString(),
                )
            )

    def _cancel_cleanly(self) -> None:
        if self._sender is not None:
            self._sender.give_up()
        if self._cancel_task is not None:
            self._cancel_task()
        torch = sys.modules.get("torch")
        if torch is not None:
            self._hook = torch.nn.modules.module.register_module_forward_pre_hook(_stop_forward)


def _stop_forward(*_: object) -> None:
    if threading.current_thread() is threading.main_thread():
        raise CallCancelledError("the call was cancelled")


def _raise_in(thread: int | None, error: type[BaseException] | None) -> None:
    """Have the interpreter raise `error` in a thread, or forget what it was to raise."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread or 0), ctypes.py_object(error) if error is not None else None
    )
