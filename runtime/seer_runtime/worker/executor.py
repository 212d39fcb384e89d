"""Run calls: one at a time, on the thread that loaded the interface, unless they ask otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seer_runtime.batches import split_results
from seer_runtime.wire.codec import Encoded
from seer_runtime.wire.errors import EncodeError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import reply
from seer_runtime.worker.answers import (
    Answer,
    cancelled_answer,
    raised_answer,
    refused_answer,
    result_answer,
    unprepared_answer,
)
from seer_runtime.worker.arena import Arena
from seer_runtime.worker.connections import Call, Direct, Home, lost_answer
from seer_runtime.worker.inbox import Inbox
from seer_runtime.worker.interface import Interface
from seer_runtime.worker.lines import share_lines
from seer_runtime.worker.loops import SharedLoop
from seer_runtime.worker.reporter import CURRENT
from seer_runtime.worker.running import CallCancelledError, Running, RunningCalls
from seer_runtime.worker.streams import StreamSender, items_of

_THREADS = 16
"""Calls of functions with concurrent=True that run at once."""


class Executor:
    """Answers calls until the front is gone.

    Sync functions run where no event loop runs, so they may call `asyncio.run`. Async functions
    share one loop; it also runs between calls while it has tasks of its own.
    """

    def __init__(
        self,
        home: Home,
        inbox: Inbox,
        running: RunningCalls,
        arena: Arena,
        interface: Interface,
    ) -> None:
        """Take calls from `inbox`; tell `running` which ones run; results leave by `arena`."""
        self._home = home
        self._inbox = inbox
        self._running = running
        self._arena = arena
        self._interface = interface
        self._loop = SharedLoop()
        self._loops = threading.local()
        self._pid = os.getpid()
        self._pool: ThreadPoolExecutor | None = None
        self._must_end = False

    def run(self) -> None:
        """Answer calls, until the front is gone or a device is of no more use."""
        while not self._must_end and (call := self._next_call()) is not None:
            options = self._interface.options(call.frame.name)
            if options.batch:
                waiting = self._inbox.more(
                    call.frame.name, options.max_batch - 1, options.max_wait_ms / 1000
                )
                self._run_batch([call, *waiting])
            elif not options.concurrent:
                self._run_here(call)
            elif options.is_async and not self._interface.is_stream(call.frame.name):
                self._loop.start(self._run_beside(call))
            else:
                self._threads().submit(self._run_here, call)
        if self._must_end:
            self._running.journal.flush()
            self._home.send(Frame(Kind.LEAVING))

    def _next_call(self) -> Call | None:
        while self._loop.is_busy:
            call = self._inbox.poll()
            if call is not None or self._inbox.is_over:
                self._loop.turn()
                return call
            self._loop.run_until_readable(self._inbox.fileno())
        return self._inbox.next()

    def _own_loop(self) -> SharedLoop:
        """Give this thread's loop, which it keeps: each loop takes three descriptors."""
        if threading.current_thread() is threading.main_thread():
            return self._loop
        if not hasattr(self._loops, "own"):
            self._loops.own = SharedLoop()
        own: SharedLoop = self._loops.own
        return own

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, "seer-call")
        return self._pool

    def _run_here(self, call: Call) -> None:
        """Run a call on this thread."""
        running = self._running.begin(call)
        if running is None:
            self._refuse(call)
            return
        CURRENT.set(running)
        try:
            answer = self._answer(call, running)
            self._end_child(answer)
            self._running.end(running)
        except CallCancelledError as error:
            # It was raised behind the user's function, in what is done with the result.
            answer = cancelled_answer(running, error, Failure.FINISHED, Failure.KEPT)
            self._running.end(running)
        self._send(running, answer)

    def _end_child(self, answer: Answer) -> None:
        if os.getpid() != self._pid:
            # A child that the function forked came back here; its parent answers.
            sys.stdout.flush()
            os._exit(answer.frame.kind is not Kind.RESULT)

    def _refuse(self, call: Call) -> None:
        """Leave no client waiting; the front gets what it asks for anew, or hears it is gone."""
        if isinstance(call.connection, Direct):
            call.connection.answer(refused_answer(call).frame)
        elif call.given_up is None and not self._running.recall(call.key):
            self._home.answer(lost_answer(call.frame))

    def _prepare(self, call: Call) -> Callable[[], Any] | Answer:
        """Give what runs the function, which alone has the arguments then, or why it must not."""
        try:
            run = self._interface.prepare(call.frame)
        except BaseException as error:  # noqa: BLE001 - classes of the user's build the arguments
            return unprepared_answer(call.frame, error)
        call.let_go()
        return run

    def _answer(self, call: Call, running: Running) -> Answer:
        run = self._prepare(call)
        if isinstance(run, Answer):
            return run
        frame, loop = call.frame, self._own_loop()
        try:
            value = run()
            if inspect.iscoroutine(value):
                value = loop.run(value, running)
            items = items_of(value, frame.name, is_stream=self._interface.is_stream(frame.name))
            if items is not None:
                self._stream(call, _each(items, loop, running), running)
                return Answer(reply(frame, Kind.END))
        except BaseException as error:  # noqa: BLE001 - the user's function may raise anything
            return raised_answer(frame, error, running)
        # The frame of what was run would hold the arguments for as long as the result.
        del run
        return result_answer(self._interface, self._arena, frame, value)

    async def _run_beside(self, call: Call) -> None:
        """Run a call of an async function beside others."""
        running = self._running.begin(call)
        if running is None:
            self._refuse(call)
            return
        CURRENT.set(running)
        running.share_thread()
        task = asyncio.current_task()
        assert task is not None
        running.watch(asyncio.get_running_loop(), task)
        answer = await self._answer_beside(call, running)
        self._end_child(answer)
        self._running.end(running)
        self._send(running, answer)

    async def _answer_beside(self, call: Call, running: Running) -> Answer:
        run = self._prepare(call)
        if isinstance(run, Answer):
            return run
        frame = call.frame
        try:
            value = await run()
        except BaseException as error:  # noqa: BLE001 - the user's function may raise anything
            return raised_answer(frame, error, running)
        del run
        return result_answer(self._interface, self._arena, frame, value)

    def _run_batch(self, calls: Sequence[Call]) -> None:
        """Run a function once, on the lists of what its calls gave; each gets its own answer."""
        batch: list[tuple[Call, Running, Sequence[Any]]] = []
        for call in calls:
            running = self._running.begin(call)
            if running is None:
                self._refuse(call)
                continue
            running.share_thread()
            try:
                batch.append((call, running, self._interface.bind(call.frame)))
            except BaseException as error:  # noqa: BLE001 - classes of the user's
                answer = unprepared_answer(call.frame, error)
                self._running.end(running)
                self._send(running, answer)
        if not batch:
            return
        share_lines([running for _, running, _ in batch])
        CURRENT.set(batch[0][1])
        function = self._interface.function(calls[0].frame.name)
        outcomes = self._outcomes(function, [given for _, _, given in batch])
        for (call, running, _), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                answer = raised_answer(call.frame, outcome, running)
            else:
                answer = result_answer(self._interface, self._arena, call.frame, outcome)
            self._end_child(answer)
            self._running.end(running)
            self._send(running, answer)

    def _outcomes(
        self, function: Callable[..., Any], given: Sequence[Sequence[Any]]
    ) -> Sequence[Any]:
        """Give the result of each call, or the exception that it ends with."""
        try:
            value = function(*map(list, zip(*given, strict=True)))
            if inspect.iscoroutine(value):
                value = self._loop.run(value, None)
            return split_results(value, len(given))
        except BaseException as error:  # noqa: BLE001 - the user's function may raise anything
            return [error] * len(given)

    def _send(self, running: Running, answer: Answer) -> None:
        frame = answer.frame
        if frame.segments:
            frame = frame._replace(segments=self._arena.settle(frame.segments))
        running.call.connection.answer(frame)
        # Last, as nobody waits for it.
        self._running.journal.add(running, answer.frame)
        self._must_end = self._must_end or answer.must_end

    def _stream(self, call: Call, items: Generator[Any, None, None], running: Running) -> None:
        """Send items as they come; ends them early where the call is cancelled."""
        with StreamSender(call.connection.answer, reply(call.frame, Kind.ITEMS)) as sender:
            running.feed(sender)
            with contextlib.closing(items) as each:
                for number, item in enumerate(each):
                    if not sender.put(self._encoded(call.frame, item, number)):
                        raise CallCancelledError("the caller stopped to take items")

    def _encoded(self, frame: Frame, item: Any, number: int) -> Encoded:
        """Encode an item as it is now: the generator may go on and write into it."""
        try:
            encoded = self._interface.encode(frame, item, "")
        except EncodeError as error:
            path = f"item {number} of {frame.name}(){error.path}"
            raise EncodeError(path, error.type_name, error.reason) from None
        if not encoded.segments:
            return encoded
        return Encoded(encoded.body, self._arena.settle(self._arena.place(encoded.segments)))


def _each(
    items: Iterable[Any] | AsyncIterator[Any], loop: SharedLoop, running: Running
) -> Generator[Any, None, None]:
    """Give the items one by one; to close this closes what they come from."""
    yield from items if isinstance(items, Iterable) else loop.each(items, running)
