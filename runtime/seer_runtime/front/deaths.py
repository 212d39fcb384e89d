"""Workers that are gone, and what becomes of the calls that they had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from seer_runtime.front.calls import Call, Reply
from seer_runtime.front.journal import FrontJournal
from seer_runtime.wire.frames import Frame
from seer_runtime.wire.ledger import Begun, CallStage, Ledger
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply

_REMEMBERED = 16
"""Dead workers whose calls can still be asked for."""


BegunCall: TypeAlias = tuple[Begun, int, Sequence[str]]
"""What a ledger says of a call, the epoch of its worker, and the functions of that one's schema."""


class DeadWorker(NamedTuple):
    """What is left of a worker: which calls it began, and how it died once that is known."""

    epoch: int
    ledger: Ledger
    functions: Sequence[str]
    """Those of the schema that it served, by their numbers in the ledger."""

    death: asyncio.Future[Failure]


class Deaths:
    """Remembers the last dead workers of an interface."""

    def __init__(
        self,
        interface: str,
        journal: FrontJournal,
        current_epoch: Callable[[], int],
        earlier: Deaths | None = None,
    ) -> None:
        """Go on with what was remembered `earlier`; `journal` takes the calls that were cut off."""
        self._interface = interface
        self._journal = journal
        self._current_epoch = current_epoch
        self._dead: dict[int, DeadWorker] = earlier._dead if earlier is not None else {}

    def begin(self, epoch: int, ledger: Ledger, functions: Sequence[str]) -> DeadWorker:
        """Say that a worker is gone; how it died is still to be found out.

        `functions` are those of its schema.
        """
        death: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        dead = self._dead[epoch] = DeadWorker(epoch, ledger, functions, death)
        while len(self._dead) > _REMEMBERED:
            del self._dead[next(iter(self._dead))]
        return dead

    def end(self, dead: DeadWorker, failure: Failure, calls: Sequence[Call]) -> None:
        """Say how a worker died: to the journal, and to the `calls` that it had got."""
        self._journal.add_death(self._interface, dead.epoch, dead.ledger, dead.functions, failure)
        dead.death.set_result(failure)
        for call in calls:
            self._tell(call, dead.epoch, failure, dead.ledger.stage(*call.key))

    def begun(self, session: bytes) -> Iterator[BegunCall]:
        """Give what is known of a session's calls: each with its epoch and that one's functions."""
        for dead in self._dead.values():
            for call in dead.ledger.of(session):
                yield call, dead.epoch, dead.functions

    def tell_fate(self, frame: Frame, reply: Reply) -> bool:
        """Tell a call that a dead worker began what became of it; False where none did."""
        dead = self._dead.get(frame.epoch)
        if dead is None:
            return False
        stage = dead.ledger.stage(*frame.key)
        if stage is CallStage.NOT_BEGUN:
            return False
        call = Call(frame, reply)
        dead.death.add_done_callback(
            lambda death: self._tell(call, dead.epoch, death.result(), stage)
        )
        return True

    def _tell(self, call: Call, epoch: int, failure: Failure, stage: CallStage) -> None:
        told = _obituary(call, failure, stage)
        if stage is CallStage.NOT_BEGUN:
            self._journal.add_unrun(self._interface, epoch, call.frame, told)
        else:
            self._journal.add_cut_off(self._interface, epoch, call.frame, told)
        call.answer(error_reply(call.frame, told, self._current_epoch()))


_EFFECTS = {
    CallStage.NOT_BEGUN: (Failure.NOT_STARTED, "before this call began"),
    CallStage.BEGUN: (Failure.INTERRUPTED, "during this call"),
    CallStage.FINISHED: (Failure.FINISHED, "after this call had run, before its answer left"),
}


def _obituary(call: Call, failure: Failure, stage: CallStage) -> Failure:
    """Tell a call that a worker had got that it gets no answer, and whether it had begun."""
    told = Failure()
    told.CopyFrom(failure)
    told.effect, words = _EFFECTS[stage]
    told.message += f" {words}"
    if call.given_up is not None and stage is not CallStage.NOT_BEGUN:
        told.kind = call.given_up
        told.message = f"{call.giving_up().message}; {told.message}"
    return told
