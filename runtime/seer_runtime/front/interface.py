"""A served interface: its worker, the calls on their way, and what happens when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from seer_runtime.front.failure import FailureError, error_frame
from seer_runtime.front.log import BoundedLog
from seer_runtime.front.workers import WorkerProcess
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

_ANSWERS = (Kind.RESULT, Kind.ERROR)

_GRACE = 2.0
"""Seconds that a worker without work gets to clean up before it is killed."""

Spawn: TypeAlias = Callable[[], Awaitable[WorkerProcess]]
Reply: TypeAlias = Callable[[bytes], None]
CallKey: TypeAlias = tuple[bytes, int]


class _Call(NamedTuple):
    header: Header
    data: bytes
    reply: Reply


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
        self._worker: WorkerProcess | None = None
        self._ready = False
        self._failure: Failure | None = None
        self._schema: asyncio.Future[InterfaceSchema] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._explain_end)

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
        self._calls[header.session, header.seq] = _Call(header, data, reply)
        if self._ready and self._worker is not None:
            self._worker.send(data)

    def forget(self, session: bytes) -> None:
        """Drop the answers to a session that is over; what runs, runs on."""
        for key, call in self._calls.items():
            if key[0] == session:
                self._calls[key] = call._replace(reply=lambda _: None)

    async def stop(self) -> None:
        """End the worker; calls without an answer are told."""
        self._life.cancel()
        await asyncio.wait([self._life])

    async def _live(self) -> None:
        futile = 0
        while futile < _MAX_FUTILE_LOADS:
            self._worker = await self._spawn()
            try:
                await self._load(self._worker)
                served = await self._answer_calls(self._worker)
            except BaseException:
                await self._worker.stop(0.0 if self._calls or not self._ready else _GRACE)
                raise
            # From now on calls wait for the next worker, and are told of this one's end.
            calls = self._take_calls()
            self._ready = False
            self.epoch += 1
            code = await self._worker.stop(_GRACE)
            futile = 0 if served or calls else futile + 1
            self._give_up(calls, self._death(code))
        failure = self._death(code)
        failure.kind = Failure.NO_INTERFACE
        failure.hint = "its last lines are in the log; correct the file and serve it again"
        raise FailureError(failure)

    async def _load(self, worker: WorkerProcess) -> None:
        request = Frame(Kind.LOAD, body=self._request.SerializeToString())
        worker.send(encode_frame(request))
        data = await worker.receive()
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
        for call in self._calls.values():
            worker.send(call.data)
        self._ready = True

    async def _answer_calls(self, worker: WorkerProcess) -> bool:
        """Pass answers on until the worker is gone; tell whether there were any."""
        served = False
        try:
            while (data := await worker.receive()) is not None:
                header = parse_header(data)
                call = self._calls.get((header.session, header.seq))
                if header.kind not in _ANSWERS or (call and header.epoch != call.header.epoch):
                    raise FrameError(f"a {header.kind.name} frame that answers no call")
                if call is not None:
                    served = True
                    del self._calls[header.session, header.seq]
                    call.reply(data)
        except FrameError as error:
            # Something else than the runtime wrote to its socket: nothing it says counts now.
            self._log.append(f"seer: a worker broke the protocol and is ended: {error}")
            worker.kill()
        return served

    def _take_calls(self) -> list[_Call]:
        calls, self._calls = list(self._calls.values()), {}
        return calls

    def _give_up(self, calls: list[_Call], failure: Failure) -> None:
        """Tell calls that a worker had got that they get no answer, and which one had begun."""
        for index, call in enumerate(calls):
            told = Failure()
            told.CopyFrom(failure)
            told.effect = Failure.NOT_STARTED if index else Failure.INTERRUPTED
            told.message += " before this call began" if index else " during this call"
            call.reply(error_frame(call.header, self.epoch, told))

    def _death(self, code: int) -> Failure:
        return Failure(
            kind=Failure.WORKER_DIED,
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
        if self._ready:
            self._give_up(calls, failure)
        else:
            for call in calls:
                call.reply(error_frame(call.header, self.epoch, failure))
        self._ready = False
