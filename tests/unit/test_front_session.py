"""The front's session: whatever arrives, twice, late or never, no call runs a second time."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from seer_runtime.front import kept as kept_module
from seer_runtime.front import session as session_module
from seer_runtime.front.calls import Reply
from seer_runtime.front.deaths import BegunCall
from seer_runtime.front.interface import ServedInterface
from seer_runtime.front.journal import FrontJournal
from seer_runtime.front.session import Session
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import Frame, FrameError, Kind
from seer_runtime.wire.items import pack_items
from seer_runtime.wire.openings import Opening
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply

T = TypeVar("T")

WINDOW = 6
LAST = (Kind.RESULT, Kind.ERROR, Kind.END)


_ATTEMPTS = itertools.count(1)


def next_opening() -> Frame:
    """Give what asks for a session again."""
    return Frame(Kind.OPEN, ack=next(_ATTEMPTS))


def nothing() -> None:
    """End no connection."""


class RecordingInterface:
    """Stands in for a served interface: remembers what it was asked, answers when it is told to."""

    def __init__(self) -> None:
        self.epoch = 1
        self.on_loaded: set[Callable[[], None]] = set()
        self.dispatched: Counter[int] = Counter()
        self.running: dict[int, tuple[Frame, Reply]] = {}
        self.began: defaultdict[int, set[int]] = defaultdict(set)
        self.steered: list[Frame] = []
        self.ended: list[bytes] = []

    async def schema(self) -> InterfaceSchema:
        return InterfaceSchema(hash="h")

    def opening(self, session: bytes, is_on_this_host: bool) -> Opening:
        return Opening()

    def begun(self, session: bytes) -> list[BegunCall]:
        return []

    def call(self, frame: Frame, reply: Reply) -> None:
        self.dispatched[frame.seq] += 1
        self.began[self.epoch].add(frame.seq)
        self.running[frame.seq] = frame, reply

    def adopt(self, frame: Frame, reply: Reply) -> None:
        reply(error_reply(frame, Failure(kind=Failure.CANCELLED), self.epoch))

    def give_up(self, key: tuple[bytes, int], reason: Failure.Kind.ValueType) -> None:
        self.finish(key[1], Kind.ERROR, Failure(kind=reason).SerializeToString())

    def give_up_session(self, session: bytes) -> None:
        self.ended.append(session)

    def steer(self, frame: Frame) -> None:
        self.steered.append(frame)

    def fate(self, frame: Frame, reply: Reply) -> bool:
        if frame.seq not in self.began.get(frame.epoch, ()) or frame.epoch == self.epoch:
            return False
        reply(error_reply(frame, Failure(kind=Failure.WORKER_DIED), self.epoch))
        return True

    def finish(self, seq: int, kind: Kind, body: bytes = b"") -> None:
        found = self.running.get(seq)
        if found is not None:
            frame, reply = found
            if kind in LAST:
                del self.running[seq]
            reply(Frame(kind, frame.session, seq, epoch=frame.epoch, body=body))

    def die(self) -> None:
        self.epoch += 1
        for seq in list(self.running):
            self.finish(seq, Kind.ERROR, Failure(kind=Failure.WORKER_DIED).SerializeToString())
        for loaded in list(self.on_loaded):
            loaded()


class Sessions(RuleBasedStateMachine):
    """A client that does all that a network and a user may do to it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.interface = RecordingInterface()
        served = cast(ServedInterface, self.interface)
        self.session = Session(
            bytes(range(16)), lambda _: served, BlockPool(), FrontJournal(""), is_on_this_host=False
        )
        self.outcomes: defaultdict[int, list[Frame]] = defaultdict(list)
        self.made: dict[int, Frame] = {}
        self.last = self.acked = self.told = self.epoch = 0
        self.connection: Reply | None = None
        self.expired: list[bool] = []
        self.replaced: list[bool] = []

    def run(self, work: Awaitable[T]) -> T:
        async def do() -> T:
            return await work

        return self.loop.run_until_complete(do())

    def hear(self, frame: Frame) -> None:
        if frame.seq and frame.kind in LAST:
            self.outcomes[frame.seq].append(frame)

    def send(self, frame: Frame) -> None:
        if self.connection is not None:
            self.told = max(self.told, frame.ack)
            self.run(self.session.receive(frame))

    @initialize()
    def open(self) -> None:
        self.run(self.session.open(Frame(Kind.OPEN, name="i", timeout=60_000)))
        self.resume()

    @rule(resends=st.booleans())
    @precondition(lambda self: self.connection is None)
    def return_again(self, resends: bool) -> None:
        self.resume()
        if resends:
            for seq, frame in self.made.items():
                if seq not in self.outcomes:
                    self.send(frame)

    def resume(self) -> None:
        def connection(frame: Frame) -> None:
            if self.connection is connection:
                self.hear(frame)

        self.connection = connection
        self.session.attach(next_opening(), connection, nothing)
        opened = self.session.opened()
        assert opened.session == self.session.id
        assert opened.ack == self.told
        self.epoch = opened.epoch

    @rule()
    @precondition(lambda self: self.connection is not None)
    def lose(self) -> None:
        async def detach() -> None:
            assert self.connection is not None
            self.session.detach(self.connection, lambda: self.expired.append(True))

        connection = self.connection
        self.run(detach())
        self.connection = None
        assert connection is not None
        # An older connection that ends takes nothing along.
        self.session.detach(connection, lambda: self.expired.append(True))

    @rule()
    @precondition(lambda self: self.connection is not None)
    def open_once_more(self) -> None:
        """Open over the same connection, to hear what has arrived: nobody is taken over."""
        assert self.connection is not None
        heard = len(self.replaced)
        self.session.attach(next_opening(), self.connection, lambda: self.replaced.append(True))
        assert len(self.replaced) == heard
        pending = dict(Opening.decode(self.session.opened().body).pending)
        assert set(pending) == set(self.session._answers)

    @rule(skipped=st.integers(0, 2), epoch=st.sampled_from(["now", "any"]))
    @precondition(lambda self: self.last + 3 <= self.acked + WINDOW)
    def call(self, skipped: int, epoch: str) -> None:
        """Make new calls, the last one first."""
        numbers = range(self.last + 1, self.last + 2 + skipped)
        self.last = numbers[-1]
        for seq in reversed(numbers):
            stamp = self.epoch if epoch == "now" else 0
            frame = Frame(Kind.CALL, self.session.id, seq, self.acked, stamp, name="f")
            self.made[seq] = frame
            self.send(frame)

    @rule(data=st.data(), times=st.integers(1, 3))
    @precondition(lambda self: self.made)
    def call_again(self, data: st.DataObject, times: int) -> None:
        frame = self.made[data.draw(st.sampled_from(sorted(self.made)))]
        for _ in range(times):
            self.send(frame)

    @rule(ahead=st.integers(1, 2**40), data=st.data())
    def call_outside(self, ahead: int, data: st.DataObject) -> None:
        """Make calls whose numbers no client would use now: they are refused."""
        seqs = [self.told + WINDOW + ahead, data.draw(st.integers(0, self.told))]
        before = self.interface.dispatched.copy()
        heard: list[Frame] = []
        if self.connection is None:
            return
        self.session.attach(next_opening(), heard.append, nothing)
        for seq in seqs:
            self.send(Frame(Kind.CALL, self.session.id, seq, 0, self.epoch, name="f"))
        self.session.attach(next_opening(), self.connection, nothing)
        assert self.interface.dispatched == before
        kinds = [Failure.FromString(bytes(each.body)).kind for each in heard]
        # And one says that another connection took over.
        assert kinds == [Failure.SESSION_OVER] * 3

    @rule(data=st.data())
    @precondition(lambda self: self.made)
    def cancel(self, data: st.DataObject) -> None:
        """Give up on a call, which may not have arrived yet."""
        seq = data.draw(st.sampled_from(sorted(self.made)))
        self.send(Frame(Kind.CANCEL, self.session.id, seq, self.acked, self.made[seq].epoch))

    @rule()
    def acknowledge(self) -> None:
        while self.acked + 1 in self.outcomes:
            self.acked += 1
        self.send(Frame(Kind.ACK, self.session.id, ack=self.acked))

    @rule(data=st.data(), kind=st.sampled_from([Kind.RESULT, Kind.ITEMS, Kind.END, Kind.PROGRESS]))
    @precondition(lambda self: self.interface.running)
    def answer(self, data: st.DataObject, kind: Kind) -> None:
        seq = data.draw(st.sampled_from(sorted(self.interface.running)))
        self.interface.finish(seq, kind)

    @rule()
    def worker_dies(self) -> None:
        self.interface.die()
        if self.connection is not None:
            self.epoch = self.interface.epoch

    @rule(kind=st.sampled_from([Kind.RESULT, Kind.OPEN, Kind.WELCOME, Kind.INTERRUPT]))
    def break_the_protocol(self, kind: Kind) -> None:
        with pytest.raises(FrameError):
            self.run(self.session.receive(Frame(kind, self.session.id, 1)))

    @invariant()
    def no_call_runs_twice(self) -> None:
        assert not [seq for seq, times in self.interface.dispatched.items() if times > 1]

    @invariant()
    def each_call_has_one_outcome(self) -> None:
        for seq, frames in self.outcomes.items():
            refused = [each for each in frames if _is_refusal(each)]
            told = {(each.kind, bytes(each.body)) for each in frames if each not in refused}
            assert len(told) <= 1, seq
            # Only what the client said it has is refused.
            assert not refused or seq <= self.told

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        kept: dict[int, Any] = self.session._answers
        assert len(kept) <= WINDOW
        assert all(self.told < seq <= self.told + WINDOW for seq in kept)

    def teardown(self) -> None:
        if self.connection is None and self.session.id and self.epoch:
            self.resume()
        for _ in range(2):
            for seq in list(self.interface.running):
                self.interface.finish(seq, Kind.RESULT)
            for seq, frame in self.made.items():
                if seq not in self.outcomes:
                    self.send(frame)
        assert set(self.made) == set(self.outcomes)
        self.each_call_has_one_outcome()
        self.no_call_runs_twice()
        self.session.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        assert self.interface.ended == [self.session.id]
        assert self.interface.steered[-1].kind is Kind.CLOSE
        assert not self.interface.on_loaded
        assert not self.expired


def _is_refusal(frame: Frame) -> bool:
    is_error = frame.kind is Kind.ERROR
    return is_error and Failure.FromString(bytes(frame.body)).kind == Failure.SESSION_OVER


def test_whatever_happens_each_call_runs_once_at_most_and_has_one_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    monkeypatch.setattr(session_module, "WINDOW", WINDOW)
    run_state_machine_as_test(
        Sessions, settings=settings(max_examples=200, stateful_step_count=40, deadline=None)
    )


class Opened:
    """A session that is open, and what it sends."""

    def __init__(self) -> None:
        self.interface = RecordingInterface()
        served = cast(ServedInterface, self.interface)
        self.session = Session(
            bytes(range(16)), lambda _: served, BlockPool(), FrontJournal(""), is_on_this_host=True
        )
        self.sent: list[Frame] = []

    async def open(self, lease: int = 0) -> Opened:
        await self.session.open(Frame(Kind.OPEN, name="i", timeout=lease))
        self.session.attach(next_opening(), self.sent.append, nothing)
        return self


def test_calls_that_are_made_directly_and_given_up_are_not_remembered_for_good() -> None:
    async def give_up_many() -> int:
        opened = await Opened().open()
        for seq in range(1, 10_000):
            frame = Frame(Kind.CANCEL, opened.session.id, seq, ack=seq - 1, epoch=1)
            await opened.session.receive(frame)
        opened.session.close()
        assert len(opened.sent) == 9_999
        return len(opened.session._answers)

    assert asyncio.run(give_up_many()) <= 1


def test_a_session_whose_client_stays_away_expires_and_one_that_returns_does_not() -> None:
    async def lose_and_return() -> list[str]:
        heard: list[str] = []
        for returns in (True, False):
            opened = await Opened().open(lease=30)
            opened.session.detach(opened.sent.append, lambda: heard.append("another's"))
            send = opened.sent.append
            opened.session.attach(next_opening(), send, nothing)
            opened.session.detach(send, lambda: heard.append("expired"))
            if returns:
                opened.session.attach(next_opening(), send, nothing)
            await asyncio.sleep(0.06)
            opened.session.close()
        return heard

    assert asyncio.run(lose_and_return()) == ["expired"]


def test_a_stream_that_is_resumed_repeats_only_what_was_not_taken() -> None:
    async def resume() -> list[int]:
        opened = await Opened().open()
        session, interface = opened.session, opened.interface
        await session.receive(Frame(Kind.CALL, session.id, 1, epoch=1, name="f"))
        reply = interface.running[1][1]
        for number in range(10):
            reply(Frame(Kind.ITEMS, session.id, 1, ack=10 * number, epoch=1))
        await session.receive(Frame(Kind.MORE, session.id, 1, ack=55, epoch=1))
        opened.sent.clear()
        await session.receive(Frame(Kind.CALL, session.id, 1, epoch=1, name="f"))
        return [frame.ack for frame in opened.sent]

    assert asyncio.run(resume()) == [50, 60, 70, 80, 90]


@pytest.mark.parametrize("most", [1 << 30, 15_000])
def test_a_stream_that_nobody_takes_is_kept_whole_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(kept_module, "MOST", most)

    async def come_later() -> tuple[list[Frame], list[Frame], int]:
        opened = await Opened().open(lease=1000)
        session, interface = opened.session, opened.interface
        call = Frame(Kind.CALL, session.id, 1, epoch=1, name="f")
        await session.receive(Frame(Kind.KEEP, session.id, 1))
        await session.receive(call)
        reply = interface.running[1][1]
        for number in range(10):
            items = pack_items([b"\xc0" * 300] * 3)
            reply(Frame(Kind.ITEMS, session.id, 1, ack=3 * number, epoch=1, body=items))
        if most < 1 << 30:
            # Whoever passes on what a worker says knows this error alone.
            with pytest.raises(FrameError, match="damaged"):
                reply(Frame(Kind.ERROR, session.id, 1, epoch=1, body=b"\xff"))
        failure = Failure(kind=Failure.CANCELLED, message="the call was cancelled")
        reply(error_reply(call, failure, 1))
        # What a client says of the items that it took costs the next one nothing.
        await session.receive(Frame(Kind.MORE, session.id, 1, ack=30, epoch=1))
        opened.sent.clear()
        await session.receive(call)
        kept = list(opened.sent)
        await session.receive(Frame(Kind.ACK, session.id, ack=1))
        left = len(session._answers) + len(session._kept)
        return kept, interface.steered, left

    kept, steered, left = asyncio.run(come_later())
    assert [frame.ack for frame in kept if frame.kind is Kind.ITEMS] == [*range(0, 30, 3)]
    assert [frame.ack for frame in steered if frame.kind is Kind.MORE] == [*range(3, 33, 3)]
    error = next(frame for frame in kept if frame.kind is Kind.ERROR)
    message = Failure.FromString(bytes(error.body)).message
    assert ("MiB of it waited" in message) == (most < 1 << 30)
    assert left == 0


def test_small_items_count_for_what_they_need_where_they_are_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_module, "MOST", 1 << 20)
    streams = kept_module.KeptStreams()
    streams.add(1)
    body = pack_items([b"\xc0"] * 250)
    turns = itertools.takewhile(lambda _: not streams.is_full(1), itertools.count())
    for number in turns:
        streams.take(Frame(Kind.ITEMS, bytes(8), 1, ack=250 * number, body=body))

    assert number == (1 << 20) // (250 * 129 + 1024 + 3)


def test_a_release_for_a_worker_that_is_gone_does_not_reach_the_next_one() -> None:
    async def release() -> list[Frame]:
        opened = await Opened().open()
        await opened.session.receive(Frame(Kind.RELEASE, opened.session.id, epoch=1, body=bytes(8)))
        opened.interface.die()
        await opened.session.receive(Frame(Kind.RELEASE, opened.session.id, epoch=1, body=bytes(8)))
        return opened.interface.steered

    assert len(asyncio.run(release())) == 1


def test_a_client_that_returns_gets_no_end_before_the_items_that_it_missed() -> None:
    async def come_back() -> list[Kind]:
        opened = await Opened().open(lease=1000)
        session, heard = opened.session, list[Frame]()
        call = Frame(Kind.CALL, session.id, 1, epoch=1, name="f")
        await session.receive(call)
        session._send = None
        reply = opened.interface.running[1][1]
        reply(Frame(Kind.ITEMS, session.id, 1, epoch=1))
        session.attach(next_opening(), heard.append, nothing)
        reply(Frame(Kind.END, session.id, 1, epoch=1))
        await session.receive(call)
        return [frame.kind for frame in heard]

    assert asyncio.run(come_back()) == [Kind.ITEMS, Kind.END]
