"""The ladder: how a call ends that nobody waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from seer_runtime.endings import overrun
from seer_runtime.front.calls import Call, nobody
from seer_runtime.front.log import BoundedLog
from seer_runtime.front.workers import WorkerProcess
from seer_runtime.wire.frames import CallKey, Frame, Kind
from seer_runtime.wire.ledger import CallStage
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply

_RAISE_AFTER = 2.0
"""Seconds that a call gets to end cleanly once nobody waits for it."""

_KILL_AFTER = 3.0
"""Seconds that it then gets to end at all."""

_HOMECOMING = 5.0
"""Seconds in which an answer that a client did not take may come home."""

_LOOK = 0.05


class Ladder:
    """Ends calls of one worker: cleanly, then by raising in them, then with the worker."""

    def __init__(
        self,
        worker: WorkerProcess,
        epoch: int,
        calls: Mapping[CallKey, Call],
        forget: Callable[[CallKey], object],
        log: BoundedLog,
        interface: str,
    ) -> None:
        """End calls among `calls`, from which `forget` takes them; `log` hears of the last step."""
        self._worker = worker
        self._epoch = epoch
        self._calls = calls
        self._forget = forget
        self._log = log
        self._interface = interface

    async def end(self, call: Call) -> None:
        """Climb it for a call that was given up."""
        worker = self._worker
        limit = overrun(call.given_up, call.frame.timeout)
        request = Frame(Kind.CANCEL, *call.key, epoch=call.frame.epoch, timeout=limit)
        worker.request(request)
        waiting_until = time.monotonic() + _HOMECOMING
        # One that has not begun is no reason to harm the worker.
        while not self._is_running(call):
            is_finished = worker.ledger.stage(*call.key) is CallStage.FINISHED
            # A direct one that is not refused either never came to the worker.
            if is_finished or (call.is_direct and time.monotonic() > waiting_until):
                await self._drop(call)
                return
            await asyncio.sleep(_LOOK)
        await asyncio.sleep(_RAISE_AFTER)
        if self._is_running(call):
            worker.request(request._replace(kind=Kind.INTERRUPT))
        await asyncio.sleep(_KILL_AFTER)
        while self._is_running(call):
            if self._is_unwanted():
                self._log.append(f"seer: a call of {self._interface!r} does not end; ending all")
                worker.kill()
                return
            self._answer_early(call)
            await asyncio.sleep(_LOOK)
        await self._drop(call)

    def _answer_early(self, call: Call) -> None:
        """Leave the caller of a call that does not end waiting no longer."""
        failure = call.giving_up()
        failure.effect = Failure.INTERRUPTED
        failure.state = Failure.TAINTED
        failure.message += "; it still runs, for others are waited for in its worker"
        reply, call.reply = call.reply, nobody
        reply(error_reply(call.frame, failure, self._epoch))

    async def _drop(self, call: Call) -> None:
        """Forget a call whose client got the answer directly, unless it comes home after all."""
        if call.is_direct:
            await asyncio.sleep(_HOMECOMING)
            if self._calls.get(call.key) is call:
                self._forget(call.key)

    def _is_running(self, call: Call) -> bool:
        return self._worker.ledger.stage(*call.key) is CallStage.BEGUN

    def _is_unwanted(self) -> bool:
        """Tell whether nobody waits for any call that the worker runs."""
        calls = (self._calls.get(key) for key in self._worker.ledger.all_running())
        return all(call is not None and call.given_up is not None for call in calls)
