"""Run calls, one at a time, on the thread that loaded the interface."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Generator
from typing import Any

from seer_runtime.failures import describe_exception
from seer_runtime.wire.errors import EncodeError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.worker.courier import CallCancelledError, Courier
from seer_runtime.worker.devices import describe_device
from seer_runtime.worker.interface import Interface, NoFunctionError
from seer_runtime.worker.link import FrontLink
from seer_runtime.worker.reporter import ProgressReporter
from seer_runtime.worker.streams import StreamSender


class Executor:
    """Answers calls until the front is gone.

    Sync functions run where no event loop runs, so they may call `asyncio.run`. Async functions
    share one loop; it also runs between calls while it has tasks of its own.
    """

    def __init__(
        self,
        link: FrontLink,
        courier: Courier,
        reporter: ProgressReporter,
        interface: Interface,
    ) -> None:
        """Take calls from `link`; `courier` may end them, `reporter` tells how far they are."""
        self._link = link
        self._courier = courier
        self._reporter = reporter
        self._interface = interface
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._must_end = False

    def run(self) -> None:
        """Answer calls, until the front is gone or a device is of no more use."""
        while (call := self._next_call()) is not None:
            if not self._courier.begin(call):
                continue
            self._reporter.begin(call)
            answer = self._answer_to_the_end(call)
            if os.getpid() != self._pid:
                # A child that the function forked came back here; its parent answers.
                sys.stdout.flush()
                os._exit(answer.kind is not Kind.RESULT)
            self._link.send(answer)
            if self._must_end:
                self._link.send(Frame(Kind.LEAVING))
                return

    def _next_call(self) -> Frame | None:
        loop = self._loop
        if loop is not None and asyncio.all_tasks(loop):
            _finish(loop, loop.create_task(_readable(self._link.fileno())))
        return self._link.receive()

    def _answer_to_the_end(self, call: Frame) -> Frame:
        try:
            answer = self._answer(call)
            self._courier.end()
        except CallCancelledError as error:
            # It was raised behind the user's function, in what is done with the result.
            self._courier.end()
            return _error(call, _cancellation(error, Failure.FINISHED, Failure.KEPT))
        return answer

    def _answer(self, call: Frame) -> Frame:
        try:
            run = self._interface.prepare(call)
        except NoFunctionError as error:
            return _error(call, describe_exception(error, Failure.NO_FUNCTION, Failure.NOT_STARTED))
        except BaseException as error:  # noqa: BLE001 - classes of the user's build the arguments
            return _error(call, describe_exception(error, Failure.ARGUMENTS, Failure.NOT_STARTED))
        try:
            value = self._run(run)
            if inspect.isgenerator(value) or inspect.isasyncgen(value):
                self._stream(call, value)
                return _reply(call, Kind.END)
        except EncodeError as error:
            return _error(call, describe_exception(error, Failure.VALUE, Failure.INTERRUPTED))
        except SystemExit as error:
            return _error(call, describe_exception(error, Failure.EXITED, Failure.FINISHED))
        except (CallCancelledError, asyncio.CancelledError) as error:
            state = self._courier.requested
            if state is None:
                return _error(call, describe_exception(error, Failure.RAISED, Failure.FINISHED))
            return _error(call, _cancellation(error, Failure.INTERRUPTED, state))
        except BaseException as error:  # noqa: BLE001 - the user's function may raise anything
            failure = describe_exception(error, Failure.RAISED, Failure.FINISHED)
            self._must_end = describe_device(error, failure)
            return _error(call, failure)
        try:
            body, segments = self._interface.codec.encode(value, f"the result of {call.name}()")
        except BaseException as error:  # noqa: BLE001 - classes of the user's are taken apart
            return _error(call, describe_exception(error, Failure.VALUE, Failure.FINISHED))
        return _reply(call, Kind.RESULT)._replace(body=body, segments=segments)

    def _stream(self, call: Frame, items: Any) -> None:
        """Send items as they come; ends them early where the call is cancelled."""
        encode = self._interface.codec.encode
        with StreamSender(self._link.send, _reply(call, Kind.ITEMS)) as sender:
            self._courier.feed(sender)
            with contextlib.closing(self._each(items)) as each:
                for number, item in enumerate(each):
                    if not sender.put(encode(item, f"item {number} of {call.name}()")):
                        raise CallCancelledError("the caller stopped to take items")

    def _each(self, items: Any) -> Generator[Any, None, None]:
        """Give the items one by one, those of an async generator too."""
        if inspect.isgenerator(items):
            yield from items
            return
        loop = self._own_loop()
        try:
            while True:
                task = loop.create_task(anext(items, _NO_MORE))
                self._courier.watch(loop, task)
                item = _finish(loop, task)
                if item is _NO_MORE:
                    return
                yield item
        finally:
            _finish(loop, loop.create_task(items.aclose()))

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop

    def _run(self, run: Callable[[], Any]) -> Any:
        value = run()
        if not inspect.iscoroutine(value):
            return value
        loop = self._own_loop()
        task = loop.create_task(value)
        self._courier.watch(loop, task)
        return _finish(loop, task)


_NO_MORE = object()


def _finish(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> Any:
    """Run the loop until `task` is done; other tasks that raise SystemExit do not end it."""
    while not task.done():
        try:
            # Not the task itself: its exception is raised once, below.
            loop.run_until_complete(asyncio.wait([task]))
        except CallCancelledError:
            task.cancel()
            raise
        except BaseException:  # noqa: BLE001 - a task of the user's may raise anything
            if not task.done():
                traceback.print_exc()
    return task.result()


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _reply(call: Frame, kind: Kind) -> Frame:
    return Frame(kind, call.session, call.seq, epoch=call.epoch, name=call.name)


def _error(call: Frame, failure: Failure) -> Frame:
    return _reply(call, Kind.ERROR)._replace(body=failure.SerializeToString())


def _cancellation(
    error: BaseException, effect: Failure.Effect.ValueType, state: Failure.State.ValueType
) -> Failure:
    failure = describe_exception(error, Failure.CANCELLED, effect)
    failure.message = "the call was cancelled while it ran"
    failure.state = state
    return failure
