"""The client's side of a broken link: what is said again over the next one."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from seer_rpc.client import calls as calls_module
from seer_rpc.client import relay as relay_module
from seer_rpc.client.calls import Call
from seer_rpc.client.connection import Connection
from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.relay import Relay
from seer_rpc.client.reports import ProgressReports
from seer_rpc.client.streams import Arrivals
from seer_rpc.errors import SandboxLostError, SessionError
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import NO_SESSION, Frame, Kind
from seer_runtime.wire.limits import WINDOW

SESSION = b"s" * 16


class RecordingLink:
    """Stands in for a connection: remembers what is sent, opens sessions."""

    made: list[RecordingLink]

    def __init__(self, _: Connection, memory: Memory, on_frame: Any, on_lost: Any) -> None:
        self.on_frame, self.on_lost = on_frame, on_lost
        self.sent: list[Frame] = []
        self.is_lost = False
        self.made.append(self)

    def send(self, frame: Frame) -> None:
        if self.is_lost:
            return
        self.sent.append(frame)
        if frame.kind is Kind.OPEN:
            assert frame.session in (NO_SESSION, SESSION)
            self.on_frame(Frame(Kind.OPENED, SESSION, epoch=1))

    def drop(self, seq: int) -> None:
        """Nothing is large here."""

    def close(self) -> None:
        self.is_lost = True

    def lose(self) -> None:
        self.is_lost = True
        self.on_lost(SandboxLostError("the network broke"))

    def kinds(self) -> list[tuple[Kind, int, int]]:
        return [(each.kind, each.seq, each.ack) for each in self.sent]


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[RecordingLink]:
    RecordingLink.made = []
    monkeypatch.setattr(relay_module, "open_link", RecordingLink)
    return RecordingLink.made


@pytest.fixture
def relay(links: list[RecordingLink]) -> Relay:
    relay = Relay(
        Connection("i", "host:1", "token"),
        "",
        5.0,
        Memory(BlockPool(is_private=True)),
        ProgressReports(lambda *_: None),
        lambda _: None,
        lambda: None,
    )
    relay.open()
    return relay


def submit(relay: Relay) -> Call:
    seq = relay.numbers.next()
    return relay.submit(Call(Frame(Kind.CALL, SESSION, seq, epoch=1, name="f")))


def stream(relay: Relay, link: RecordingLink) -> tuple[Call, Arrivals]:
    call = submit(relay)
    link.on_frame(Frame(Kind.ITEMS, SESSION, call.seq, ack=0, epoch=1))
    source = call.future.result(0)
    assert isinstance(source, Arrivals)
    return call, source


def test_what_was_not_answered_is_sent_again_under_its_number(
    relay: Relay, links: list[RecordingLink]
) -> None:
    answered, waiting = submit(relay), submit(relay)
    links[0].on_frame(Frame(Kind.RESULT, SESSION, answered.seq, epoch=1))

    links[0].lose()

    assert links[1].kinds() == [(Kind.OPEN, 0, 2), (Kind.CALL, waiting.seq, 0)]
    links[1].on_frame(Frame(Kind.RESULT, SESSION, waiting.seq, epoch=1))
    assert waiting.future.result(0)
    assert relay.numbers.acked == 2


def test_what_is_called_while_the_link_is_down_is_sent_over_the_next_one(
    relay: Relay, links: list[RecordingLink]
) -> None:
    links[0].is_lost = True
    call = submit(relay)

    links[0].lose()

    assert (Kind.CALL, call.seq, 0) in links[1].kinds()


def test_a_call_that_was_given_up_meanwhile_is_cancelled_again(
    relay: Relay, links: list[RecordingLink]
) -> None:
    call = submit(relay)
    links[0].is_lost = True
    relay.abandon(call)

    links[0].lose()

    assert [each[:2] for each in links[1].kinds()[1:]] == [
        (Kind.CALL, call.seq),
        (Kind.CANCEL, call.seq),
    ]


def test_what_was_taken_of_a_stream_meanwhile_is_said_again(
    relay: Relay, links: list[RecordingLink]
) -> None:
    call, source = stream(relay, links[0])
    links[0].is_lost = True
    source.tell(512)

    links[0].lose()

    # Without it the function would wait for room for ever, and the client for items.
    assert links[1].kinds()[1:] == [(Kind.CALL, call.seq, 0), (Kind.MORE, call.seq, 512)]


def test_a_stream_that_was_dropped_meanwhile_is_cancelled_again(
    relay: Relay, links: list[RecordingLink]
) -> None:
    call, source = stream(relay, links[0])
    links[0].is_lost = True
    source.cancel()

    links[0].lose()

    assert [each[:2] for each in links[1].kinds()[1:]] == [
        (Kind.CALL, call.seq),
        (Kind.CANCEL, call.seq),
    ]


def test_items_that_come_twice_are_taken_once(relay: Relay, links: list[RecordingLink]) -> None:
    call, source = stream(relay, links[0])
    links[0].on_frame(Frame(Kind.ITEMS, SESSION, call.seq, ack=3, epoch=1))
    links[0].lose()
    for before in (0, 3, 5):
        links[1].on_frame(Frame(Kind.ITEMS, SESSION, call.seq, ack=before, epoch=1))
    links[1].on_frame(Frame(Kind.END, SESSION, call.seq, epoch=1))

    frames = [source.next() for _ in range(4)]

    assert [(each.kind, each.ack) for each in frames] == [
        (Kind.ITEMS, 0),
        (Kind.ITEMS, 3),
        (Kind.ITEMS, 5),
        (Kind.END, 0),
    ]
    assert not source.has_arrived()


def test_nobody_waits_for_room_in_a_session_that_is_lost(
    relay: Relay, links: list[RecordingLink]
) -> None:
    calls = [submit(relay) for _ in range(WINDOW)]
    assert relay.numbers.try_next() is None

    relay.close()

    assert relay.numbers.next() == WINDOW + 1
    with pytest.raises(SessionError):
        calls[0].future.result(0)
    assert relay.lost is not None
    assert links[0].sent[-1].kind is Kind.CLOSE


def test_giving_up_tells_what_has_arrived(relay: Relay, links: list[RecordingLink]) -> None:
    for _ in range(5):
        # As calls that are made directly do.
        relay.numbers.answer(relay.numbers.next())
    relay.steer(Kind.CANCEL, 6)

    assert links[0].kinds()[-1] == (Kind.CANCEL, 6, 5)


def test_threads_that_ask_at_once_wait_for_the_same_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = Call(Frame(Kind.CALL, SESSION, 1))
    first: list[Future[Any]] = []

    def make() -> Future[Any]:
        if not first:
            # Another thread asks, and is done, meanwhile.
            first.append(Future())
            first[0] = call.future
        return Future()

    monkeypatch.setattr(calls_module, "Future", make)

    assert call.future is first[0]
