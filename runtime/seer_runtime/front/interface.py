"""A served interface: its worker, the calls on their way, and what happens when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from seer_runtime.front.failure import FailureError, error_frame
from seer_runtime.front.log import BoundedLog, LastLine
from seer_runtime.front.workers import WorkerLink, WorkerProcess
from seer_runtime.wire.exits import describe_exit
from seer_runtime.wire.frames import (
    Frame,
    FrameError,
    Header,
    Kind,
    decode_frame,
    encode_frame,
    parse_header,
)
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import Failure, LoadRequest

_LOG_LINES = 20
_MAX_FUTILE_LOADS = 3
"""Workers in a row that may die without having been called."""

_ON_THE_WAY = (Kind.ITEMS, Kind.PROGRESS)
_ANSWERS = (Kind.RESULT, Kind.END, Kind.ERROR, *_ON_THE_WAY)

_RAISE_AFTER = 2.0
"""Seconds that a call gets to end cleanly once nobody waits for it."""

_KILL_AFTER = 3.0
"""Seconds that it then gets to end at all."""

_LEASE = 5.0
"""Seconds that the calls of a client that is gone run on."""

_LOOK = 0.05

_GRACE = 2.0
"""Seconds that a worker without work gets to clean up before it is killed."""

Spawn: TypeAlias = Callable[[], Awaitable[WorkerProcess]]
Reply: TypeAlias = Callable[[bytes], None]
CallKey: TypeAlias = tuple[bytes, int]


@dataclass
class _Call:
    """A call without an answer."""

    header: Header
    reply: Reply
    given_up: Failure.Kind.ValueType | None = None
    """CANCELLED or DEADLINE, once nobody waits for its end."""

    timers: list[asyncio.TimerHandle | asyncio.Task[None]] = field(default_factory=list)

    @property
    def key(self) -> CallKey:
        """What it is known by."""
        return self.header.session, self.header.seq

    def answer(self, data: bytes) -> None:
        """Answer it, and forget what was planned for it."""
        for timer in self.timers:
            timer.cancel()
        self.reply(data)


class ServedInterface:
    """Loads an interface in a worker, and again in a new one whenever the worker dies.

    Each worker is an epoch. Calls are sent in the order of their arrival and run in that order,
    so of those without an answer when a worker dies, only the first can have started.
    """

    def __init__(self, request: LoadRequest, epoch: int, spawn: Spawn, log: BoundedLog) -> None:
        """Begin to load."""
        self.epoch = epoch
        self._request = request
        self._spawn = spawn
        self._log = log
        self._calls: dict[CallKey, _Call] = {}
        self._left = False
        self._unsent: dict[CallKey, bytes] = {}
        self._serving: WorkerProcess | None = None
        self._output: LastLine | None = None
        self._failure: Failure | None = None
        self._schema: asyncio.Future[InterfaceSchema] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._explain_end)

    @property
    def last_line(self) -> str:
        """What the worker printed last."""
        return self._output.text if self._output is not None else ""

    async def schema(self) -> InterfaceSchema:
        """Wait until the interface is loaded for the first time.

        Raises:
            FailureError: it cannot be, or could not be loaded again.
        """
        if self._failure is not None:
            raise FailureError(self._failure)
        return await asyncio.shield(self._schema)

    def call(self, header: Header, data: bytes, reply: Reply) -> None:
        """Have the worker answer a call, as soon as it is loaded."""
        if self._failure is not None:
            reply(error_frame(header, self.epoch, self._failure))
            return
        call = self._calls[header.session, header.seq] = _Call(header, reply)
        if header.timeout:
            expire = partial(self.give_up, call.key, Failure.DEADLINE)
            loop = asyncio.get_running_loop()
            call.timers.append(loop.call_later(header.timeout / 1000, expire))
        if self._serving is not None:
            self._serving.calls.send(data)
        else:
            self._unsent[call.key] = data

    def give_up(self, key: CallKey, reason: Failure.Kind.ValueType) -> None:
        """End a call that nobody waits for any more; its answer says what became of it."""
        call = self._calls.get(key)
        if call is None or call.given_up is not None:
            return
        call.given_up = reason
        if self._serving is not None:
            call.timers.append(asyncio.create_task(self._end_call(call, self._serving)))
        else:
            del self._calls[key], self._unsent[key]
            call.answer(error_frame(call.header, self.epoch, _given_up(call)))

    async def _end_call(self, call: _Call, worker: WorkerProcess) -> None:
        """Climb the ladder: end it cleanly, raise in it, end the worker."""
        request = Frame(Kind.CANCEL, *call.key, epoch=self.epoch)
        worker.requests.send(encode_frame(request))
        # Only the first can have begun: no other is a reason to harm the worker.
        while next(iter(self._calls)) != call.key:
            await asyncio.sleep(_LOOK)
        await asyncio.sleep(_RAISE_AFTER)
        worker.requests.send(encode_frame(request._replace(kind=Kind.INTERRUPT)))
        await asyncio.sleep(_KILL_AFTER)
        self._log.append(f"seer: a call of {self._request.interface!r} does not end; ending all")
        worker.kill()

    def take_more(self, header: Header, data: bytes) -> None:
        """Tell the worker that there is room for more of a stream."""
        if self._serving is not None and (header.session, header.seq) in self._calls:
            self._serving.requests.send(data)

    def forget(self, session: bytes) -> None:
        """Drop the answers to a session that is over, and end its calls after a while."""
        loop = asyncio.get_running_loop()
        for call in self._calls.values():
            if call.header.session == session:
                call.reply = lambda _: None
                end = partial(self.give_up, call.key, Failure.CANCELLED)
                call.timers.append(loop.call_later(_LEASE, end))

    async def stop(self) -> None:
        """End the worker; calls without an answer are told."""
        self._life.cancel()
        await asyncio.wait([self._life])

    async def _live(self) -> None:
        futile = 0
        while futile < _MAX_FUTILE_LOADS:
            worker = await self._spawn()
            self._output = worker.output
            try:
                await self._load(worker)
                served = await self._answer_calls(worker)
            except BaseException:
                await worker.stop(_GRACE if self._serving and not self._calls else 0.0)
                raise
            # From now on calls wait for the next worker.
            calls = self._take_calls()
            self._serving = None
            self.epoch += 1
            code = await self._bury(worker, calls)
            futile = 0 if served or calls else futile + 1
        failure = self._death(code)
        failure.kind = Failure.NO_INTERFACE
        failure.hint = "its last lines are in the log; correct the file and serve it again"
        raise FailureError(failure)

    async def _bury(self, worker: WorkerProcess, calls: list[_Call]) -> int:
        """End a worker; its calls are told, even where the interface is stopped meanwhile."""
        ending = asyncio.ensure_future(worker.stop(_GRACE))
        try:
            return await asyncio.shield(ending)
        finally:
            self._give_up(calls, self._death(await ending))

    async def _load(self, worker: WorkerProcess) -> None:
        self._left = False
        request = Frame(Kind.LOAD, body=self._request.SerializeToString())
        worker.calls.send(encode_frame(request))
        data = await worker.calls.receive()
        if data is None:
            failure = self._death(await worker.stop(_GRACE))
            failure.kind = Failure.LOAD
            failure.message += " while it loaded"
            failure.hint = "its last lines are in the log; correct the file and serve it again"
            raise FailureError(failure)
        frame = decode_frame(data)
        if frame.kind is Kind.ERROR:
            raise FailureError(Failure.FromString(bytes(frame.body)))
        if not self._schema.done():
            self._schema.set_result(InterfaceSchema.FromString(bytes(frame.body)))
        for data in self._unsent.values():
            worker.calls.send(data)
        self._unsent.clear()
        self._serving = worker

    async def _answer_calls(self, worker: WorkerProcess) -> bool:
        """Pass answers on until the worker is gone; tell whether there were any."""
        requests = asyncio.create_task(self._pass_on(worker, worker.requests))
        try:
            served = await self._pass_on(worker, worker.calls)
            # Without the one the other is of no use, though it may hold a last answer.
            await asyncio.wait([requests], timeout=_LOOK)
        finally:
            requests.cancel()
        return served

    async def _pass_on(self, worker: WorkerProcess, link: WorkerLink) -> bool:
        served = False
        try:
            while (data := await link.receive()) is not None:
                served = self._answer(data) or served
        except FrameError as error:
            # Something else than the runtime wrote to its socket: nothing it says counts now.
            self._log.append(f"seer: a worker broke the protocol and is ended: {error}")
            worker.kill()
        return served

    def _answer(self, data: bytes) -> bool:
        """Pass an answer on; tell whether a call had been waiting for it."""
        header = parse_header(data)
        if header.kind is Kind.LEAVING:
            self._left = True
            return False
        call = self._calls.get((header.session, header.seq))
        if header.kind not in _ANSWERS or (call and header.epoch != call.header.epoch):
            raise FrameError(f"a {header.kind.name} frame that answers no call")
        if call is None:
            return False
        if header.kind in _ON_THE_WAY:
            call.reply(data)
            return True
        del self._calls[call.key]
        if call.given_up == Failure.DEADLINE and header.kind is Kind.ERROR:
            data = _as_deadline(call, data)
        call.answer(data)
        return True

    def _take_calls(self) -> list[_Call]:
        calls, self._calls = list(self._calls.values()), {}
        return calls

    def _give_up(self, calls: list[_Call], failure: Failure) -> None:
        """Tell calls that a worker had got that they get no answer, and which one had begun."""
        begun = None if self._left or not calls else calls[0]
        for call in calls:
            told = Failure()
            told.CopyFrom(failure)
            told.effect = Failure.INTERRUPTED if call is begun else Failure.NOT_STARTED
            told.message += " during this call" if call is begun else " before this call began"
            if call.given_up is not None and call is begun:
                told.kind = call.given_up
                told.message = f"{_given_up(call).message}; {told.message}"
            call.answer(error_frame(call.header, self.epoch, told))

    def _death(self, code: int) -> Failure:
        return Failure(
            kind=Failure.WORKER_DIED,
            state=Failure.LOST,
            message=f"the worker of {self._request.interface!r} {describe_exit(code)}",
            hint="the interface is loaded anew; its module state is as after the first load",
            log=self._log.last(_LOG_LINES),
            exit_code=code,
        )

    def _explain_end(self, life: asyncio.Task[None]) -> None:
        """Leave nobody waiting, whatever ended the interface."""
        error = None if life.cancelled() else life.exception()
        if isinstance(error, FailureError):
            failure = error.failure
        else:
            reason = f"failed: {error!r}" if error else "was stopped"
            failure = Failure(
                kind=Failure.NO_INTERFACE,
                message=f"interface {self._request.interface!r} {reason}",
                hint="serve it again",
            )
        self._failure = failure
        if not self._schema.done():
            self._schema.set_exception(FailureError(failure))
            # Nobody may be waiting for it.
            self._schema.exception()
        calls = self._take_calls()
        if self._serving is not None:
            self._give_up(calls, failure)
        else:
            for call in calls:
                call.answer(error_frame(call.header, self.epoch, failure))
        self._unsent.clear()
        self._serving = None


def _given_up(call: _Call) -> Failure:
    """Say why the caller gave a call up, as one that has not begun."""
    if call.given_up == Failure.CANCELLED:
        return Failure(kind=Failure.CANCELLED, message="the call was cancelled")
    return Failure(
        kind=Failure.DEADLINE,
        message=f"no result within the {call.header.timeout / 1000:g} s that the caller gave",
        hint="give a longer timeout, or none",
    )


def _as_deadline(call: _Call, data: bytes) -> bytes:
    """Tell a call that was ended at its deadline so; any other error stays what it is."""
    frame = decode_frame(data)
    failure = Failure.FromString(bytes(frame.body))
    if failure.kind != Failure.CANCELLED:
        return data
    deadline = _given_up(call)
    failure.kind, failure.message, failure.hint = deadline.kind, deadline.message, deadline.hint
    return error_frame(call.header, frame.epoch, failure)
