"""A served interface: its worker, the calls on their way, and what happens when it dies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias, TypeVar

from google.protobuf.message import DecodeError

from seer_runtime.endings import DRAINING
from seer_runtime.front.calls import MOST_WAITING, Call, Reply, nobody
from seer_runtime.front.deaths import BegunCall, DeadWorker, Deaths
from seer_runtime.front.exits import Exit
from seer_runtime.front.failure import FailureError
from seer_runtime.front.journal import FrontJournal
from seer_runtime.front.ladder import Ladder
from seer_runtime.front.log import BoundedLog, LastLine
from seer_runtime.front.workers import WorkerProcess
from seer_runtime.turns import TurnQueue
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import CallKey, Frame, FrameError, Kind
from seer_runtime.wire.ledger import CallStage
from seer_runtime.wire.openings import Opening
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import Failure, LoadedInterface, LoadRequest
from seer_runtime.wire.replies import error_reply
from seer_runtime.wire.sharing import blocks_of

_LOG_LINES = 20
_MAX_FUTILE_LOADS = 3
"""Workers in a row that may die without having been called."""

_ON_THE_WAY = (Kind.ITEMS, Kind.PROGRESS)
_ANSWERS = (Kind.RESULT, Kind.END, Kind.ERROR, *_ON_THE_WAY)

_DISPATCHED = 64
"""Calls that the worker has at a time; the others wait here, where sessions take turns."""

_LOOK = 0.05

_GRACE = 2.0
"""Seconds that a worker without work gets to clean up before it is killed."""

_M = TypeVar("_M", InterfaceSchema, Failure)

Spawn: TypeAlias = Callable[[BlockPool], Awaitable[WorkerProcess]]


class ServedInterface:
    """Loads an interface in a worker, and again in a new one whenever the worker dies.

    Each worker is an epoch. The ledger says which calls a worker had begun when it died.
    """

    def __init__(
        self,
        request: LoadRequest,
        spawn: Spawn,
        memory: BlockPool,
        log: BoundedLog,
        journal: FrontJournal,
        previous: ServedInterface | None = None,
    ) -> None:
        """Begin to load; `previous` was served under this name.

        Large arguments of calls lie in `memory`. Calls that no worker writes into the journal are
        for `journal`.
        """
        self.epoch: int = previous.epoch + 1 if previous else 1
        self._memory = memory
        self.on_loaded: set[Callable[[], None]] = set()
        """Called whenever a worker has loaded the interface."""
        self.on_stray: Reply = lambda _: None
        """Takes the answers of calls that clients made directly and did not take."""
        self._request = request
        self._name = request.interface
        self._spawn = spawn
        self._log = log
        self._journal = journal
        self._calls: dict[CallKey, Call] = {}
        self._adopted: set[CallKey] = set()
        """Those that were made directly: the front has not dispatched them."""
        self._waiting: TurnQueue[Call] = TurnQueue()
        earlier = previous._deaths if previous else None
        self._deaths: Deaths = Deaths(self._name, journal, lambda: self.epoch, earlier)
        self._serving: WorkerProcess | None = None
        self._output: LastLine | None = None
        self._failure: Failure | None = None
        self._is_draining = False
        self._schema: asyncio.Future[InterfaceSchema] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._explain_end)

    @property
    def last_line(self) -> str:
        """What the worker printed last."""
        return self._output.text if self._output is not None else ""

    @property
    def is_busy(self) -> bool:
        """Whether calls have no answer yet, those that were made directly among them."""
        worker = self._serving
        return bool(self._calls) or (worker is not None and any(worker.ledger.all_running()))

    def drain(self) -> None:
        """Begin no further call."""
        self._is_draining = True
        self.steer(Frame(Kind.DRAIN))

    @property
    def loaded(self) -> LoadedInterface | None:
        """What it is, once it is loaded."""
        if self._failure is not None or not self._schema.done():
            return None
        request = LoadRequest()
        request.CopyFrom(self._request)
        request.ClearField("masked_names")
        return LoadedInterface(request=request, schema=self._schema.result())

    async def schema(self) -> InterfaceSchema:
        """Wait until the interface is loaded for the first time.

        Raises:
            FailureError: it cannot be, or could not be loaded again.
        """
        if self._failure is not None:
            raise FailureError(self._failure)
        return await asyncio.shield(self._schema)

    def call(self, frame: Frame, reply: Reply) -> None:
        """Have the worker answer a call, as soon as it is loaded and it is the call's turn."""
        refusal = self._failure or self._refusal(frame)
        if refusal is not None:
            self._memory.give_back(blocks_of(frame))
            self._journal.add_unrun(self._name, self.epoch, frame, refusal)
            reply(error_reply(frame, refusal, self.epoch))
            return
        call = self._add(frame, reply)
        if frame.timeout:
            expire = partial(self.give_up, call.key, Failure.DEADLINE)
            loop = asyncio.get_running_loop()
            call.timers.append(loop.call_later(frame.timeout / 1000, expire))
        self._waiting.put(call)
        self._dispatch()

    def adopt(self, frame: Frame, reply: Reply) -> None:
        """Give up a call that was made directly: `frame` is the CANCEL that says so."""
        call = self._add(frame, reply)
        call.is_direct = True
        self._adopted.add(call.key)
        self.give_up(call.key, Failure.DEADLINE if frame.timeout else Failure.CANCELLED)

    def give_up(self, key: CallKey, reason: Failure.Kind.ValueType) -> None:
        """End a call that nobody waits for any more; its answer says what became of it."""
        call = self._calls.get(key)
        if call is None or call.given_up is not None:
            return
        call.given_up = reason
        if self._waiting.remove(call) or self._serving is None:
            self._remove(key)
            self._memory.give_back(blocks_of(call.frame))
            if not call.is_direct:
                self._journal.add_unrun(self._name, self.epoch, call.frame, call.giving_up())
            call.answer(error_reply(call.frame, call.giving_up(), self.epoch))
        else:
            call.timers.append(asyncio.create_task(self._ladder(self._serving).end(call)))

    def give_up_session(self, session: bytes) -> None:
        """End the calls of a session that is over, those that were made directly too."""
        keys = [key for key in self._calls if key[0] == session]
        if self._serving is not None:
            for seq in self._serving.ledger.running(session):
                if (session, seq) not in self._calls:
                    self.adopt(Frame(Kind.CANCEL, session, seq, epoch=self.epoch), nobody)
        for key in keys:
            self.give_up(key, Failure.CANCELLED)

    def steer(self, frame: Frame) -> None:
        """Tell the worker's courier what a client says of a stream, or of the worker's memory."""
        if self._serving is not None:
            self._serving.request(frame)

    def opening(self, session: bytes, is_on_this_host: bool) -> Opening:
        """Tell a session what it may do, which calls the worker itself where that is near."""
        worker = self._serving
        schema = self._schema.result()
        idempotent = [each.name for each in schema.functions if each.is_idempotent]
        opening = Opening(idempotent)
        if worker is None or not is_on_this_host:
            return opening
        path, ledger = map(os.path.basename, worker.files)
        return opening._replace(socket=path, proof=worker.proof(session), ledger=ledger)

    def begun(self, session: bytes) -> list[BegunCall]:
        """Give what ledgers say of a session's calls; the epoch of each, and its functions."""
        begun = list(self._deaths.begun(session))
        if self._serving is not None:
            calls, functions = self._serving.ledger.of(session), self._functions
            begun += [(call, self.epoch, functions) for call in calls]
        return begun

    def fate(self, frame: Frame, reply: Reply) -> bool:
        """Tell a call that an earlier worker began what became of it; False where none did."""
        return self._deaths.tell_fate(frame, reply)

    async def stop(self) -> None:
        """End the worker; calls without an answer are told."""
        self._life.cancel()
        await asyncio.wait([self._life])

    def _add(self, frame: Frame, reply: Reply) -> Call:
        call = self._calls[frame.key] = Call(frame, reply)
        return call

    def _remove(self, key: CallKey) -> Call:
        self._adopted.discard(key)
        return self._calls.pop(key)

    def _refusal(self, frame: Frame) -> Failure | None:
        if len(self._waiting) >= MOST_WAITING:
            return _BUSY
        # One that has begun was made directly, and wants to know what becomes of it.
        return DRAINING if self._is_draining and not self._has_begun(frame) else None

    def _has_begun(self, frame: Frame) -> bool:
        worker = self._serving
        stage = worker.ledger.stage(frame.session, frame.seq) if worker is not None else None
        return stage not in (None, CallStage.NOT_BEGUN)

    @property
    def _dispatched(self) -> int:
        return len(self._calls) - len(self._waiting) - len(self._adopted)

    def _dispatch(self) -> None:
        worker = self._serving
        while worker is not None and self._dispatched < _DISPATCHED:
            call = self._waiting.pop()
            if call is None:
                return
            worker.call(call.frame)

    def _ladder(self, worker: WorkerProcess) -> Ladder:
        return Ladder(worker, self.epoch, self._calls, self._remove, self._log, self._name)

    async def _live(self) -> None:
        end, futile = Exit(0, ""), 0
        while futile < _MAX_FUTILE_LOADS:
            worker = await self._spawn(self._memory)
            self._output = worker.output
            try:
                died = await self._load(worker)
                if died is not None:
                    end = died
                    futile += 1
                    continue
                served = await self._answer_calls(worker)
            except BaseException:
                await worker.stop(_GRACE if self._serving and not self._calls else 0.0)
                raise
            # From now on calls wait for the next worker.
            calls = self._take_lost()
            self._serving = None
            dead = self._deaths.begin(self.epoch, worker.ledger, self._functions)
            self.epoch += 1
            end = await self._bury(worker, calls, dead)
            futile = 0 if served or calls or worker.ledger.is_used() else futile + 1
        failure = self._death(end)
        failure.kind = Failure.NO_INTERFACE
        failure.hint = "its last lines are in the log; correct the file and serve it again"
        raise FailureError(failure)

    async def _bury(self, worker: WorkerProcess, calls: list[Call], dead: DeadWorker) -> Exit:
        """End a worker; its calls are told, even where the interface is stopped meanwhile."""
        ending = asyncio.ensure_future(worker.stop(_GRACE))
        try:
            return await asyncio.shield(ending)
        finally:
            self._deaths.end(dead, self._death(await ending), calls)

    @property
    def _functions(self) -> list[str]:
        return [each.name for each in self._schema.result().functions]

    async def _load(self, worker: WorkerProcess) -> Exit | None:
        """Load the interface; gives how a worker ended that died instead.

        Raises:
            FailureError: the interface cannot be loaded; to try again would not help.
        """
        body = self._request.SerializeToString()
        request = Frame(Kind.LOAD, worker.secret, epoch=self.epoch, body=body)
        worker.call(request)
        frame = await worker.answer()
        if frame is None:
            end = await worker.stop(_GRACE)
            if self._schema.done():
                return end
            failure = self._death(end)
            failure.kind = Failure.LOAD
            failure.message += " while it loaded"
            failure.hint = "its last lines are in the log; correct the file and serve it again"
            raise FailureError(failure)
        if frame.kind is Kind.ERROR:
            raise FailureError(_parse(Failure, frame))
        if not self._schema.done():
            self._schema.set_result(_parse(InterfaceSchema, frame))
        self._serving = worker
        if self._is_draining:
            self.drain()
        self._journal.add_served(self._name, self.epoch)
        for heard in list(self.on_loaded):
            heard()
        self._dispatch()
        return None

    async def _answer_calls(self, worker: WorkerProcess) -> bool:
        """Pass answers on until the worker is gone; tell whether there were any."""
        refusals = asyncio.create_task(self._pass_on(worker, worker.refusal))
        try:
            served = await self._pass_on(worker, worker.answer)
            # Without the one the other is of no use, though it may hold a last answer.
            await asyncio.wait([refusals], timeout=_LOOK)
        finally:
            refusals.cancel()
        return served

    async def _pass_on(
        self, worker: WorkerProcess, receive: Callable[[], Awaitable[Frame | None]]
    ) -> bool:
        served = False
        try:
            while (frame := await receive()) is not None:
                if frame.kind is Kind.LEAVING:
                    worker.kill()
                else:
                    self._answer(frame)
                    served = True
        except FrameError as error:
            # Something else than the runtime wrote to its socket: nothing it says counts now.
            self._log.append(f"seer: a worker broke the protocol and is ended: {error}")
            worker.kill()
        return served

    def _answer(self, frame: Frame) -> None:
        """Pass an answer on to whoever waits for it."""
        if frame.kind not in _ANSWERS:
            raise FrameError(f"a {frame.kind.name} frame that answers no call")
        call = self._calls.get(frame.key)
        if call is None:
            if frame.kind not in _ON_THE_WAY:
                self.on_stray(frame)
            return
        # A call of epoch 0 is one of any epoch.
        if frame.epoch not in (0, call.frame.epoch):
            raise FrameError(f"a {frame.kind.name} frame that answers no call of this worker")
        if frame.kind in _ON_THE_WAY:
            call.reply(frame)
            return
        self._remove(call.key)
        call.answer(frame)
        self._dispatch()

    def _take_lost(self) -> list[Call]:
        """Take the calls that a dead worker had, and those that were meant for no other one."""
        lost = self._take_dispatched()
        for call in self._waiting.clear():
            if call.frame.epoch == 0:
                self._waiting.put(call)
                continue
            self._memory.give_back(blocks_of(call.frame))
            lost.append(self._remove(call.key))
        return lost

    def _take_dispatched(self) -> list[Call]:
        waiting = {call.key for call in self._waiting}
        keys = [key for key in self._calls if key not in waiting]
        return [self._remove(key) for key in keys]

    def _death(self, end: Exit) -> Failure:
        return Failure(
            kind=Failure.WORKER_DIED,
            state=Failure.LOST,
            message=f"the worker of {self._name!r} {end.words}",
            hint="the interface is loaded anew; its module state is as after the first load",
            log=self._log.last(_LOG_LINES),
            exit_code=end.code,
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
                message=f"interface {self._name!r} {reason}",
                hint="serve it again",
            )
        self._failure = failure
        if not self._schema.done():
            self._schema.set_exception(FailureError(failure))
            # Nobody may be waiting for it.
            self._schema.exception()
        worker, self._serving = self._serving, None
        if worker is not None:
            dead = self._deaths.begin(self.epoch, worker.ledger, self._functions)
            self._deaths.end(dead, failure, self._take_dispatched())
        for call in self._waiting.clear():
            self._memory.give_back(blocks_of(call.frame))
        calls, self._calls = self._calls, {}
        self._adopted.clear()
        for call in calls.values():
            self._journal.add_unrun(self._name, self.epoch, call.frame, failure)
            call.answer(error_reply(call.frame, failure, self.epoch))


def _parse(kind: type[_M], frame: Frame) -> _M:
    try:
        return kind.FromString(bytes(frame.body))
    except DecodeError as error:
        raise FrameError(f"a {frame.kind.name} frame with a damaged body") from error


_BUSY = Failure(
    kind=Failure.BUSY,
    message=f"{MOST_WAITING} calls wait for this interface already",
    hint="wait for some of them, then call again; client.map() keeps few calls on their way",
)
