"""Sessions take turns: in the front's queue, and in the worker's inbox."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_runtime.front.calls import Call
from seer_runtime.turns import TurnQueue
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.channels import Peer
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.sockets import FrameSocket
from seer_runtime.worker.connections import Direct, Home
from seer_runtime.worker.inbox import Inbox
from seer_runtime.worker.sessions import Sessions


def identity(number: int) -> bytes:
    return bytes([number]) * 16


def frame(session: int, seq: int, name: str = "f") -> Frame:
    return Frame(Kind.CALL, identity(session), seq, name=name)


def waiting(session: int, seq: int) -> Call:
    return Call(frame(session, seq), lambda _: None)


def keys(queue: TurnQueue[Call]) -> list[tuple[int, int]]:
    found = []
    while (call := queue.pop()) is not None:
        found.append((call.frame.session[0], call.frame.seq))
    return found


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=60))
def test_the_queue_keeps_each_sessions_order_and_lets_sessions_take_turns(
    steps: list[tuple[int, bool]],
) -> None:
    queue: TurnQueue[Call] = TurnQueue()
    model: dict[int, list[int]] = {}
    turns: list[int] = []
    for seq, (session, pops) in enumerate(steps):
        if pops:
            call = queue.pop()
            expected = turns.pop(0) if turns else None
            if expected is None:
                assert call is None
                continue
            assert call is not None
            assert (call.frame.session[0], call.frame.seq) == (expected, model[expected].pop(0))
            if model[expected]:
                turns.append(expected)
        else:
            queue.put(waiting(session, seq))
            if not model.get(session):
                turns.append(session)
            model.setdefault(session, []).append(seq)
        assert len(queue) == sum(map(len, model.values())) == len(list(queue))


def test_a_call_that_comes_late_waits_for_one_call_of_each_session() -> None:
    queue: TurnQueue[Call] = TurnQueue()
    for seq in range(500):
        queue.put(waiting(1, seq))
    queue.put(waiting(2, 0))

    assert keys(queue)[:3] == [(1, 0), (2, 0), (1, 1)]


def test_a_call_that_is_taken_out_is_not_given() -> None:
    queue: TurnQueue[Call] = TurnQueue()
    calls = [waiting(session, seq) for session in (1, 2) for seq in range(3)]
    for call in calls:
        queue.put(call)

    assert queue.remove(calls[1])
    assert not queue.remove(calls[1])
    assert not queue.remove(waiting(9, 0))
    for call in calls[3:]:
        assert queue.remove(call)

    assert len(queue) == 2
    assert keys(queue) == [(1, 0), (1, 2)]


def test_clearing_the_queue_gives_all() -> None:
    queue: TurnQueue[Call] = TurnQueue()
    calls = [waiting(session, 0) for session in range(3)]
    for call in calls:
        queue.put(call)

    assert queue.clear() == calls
    assert len(queue) == 0
    assert queue.pop() is None


class Post:
    """An inbox, and what sends to it."""

    def __init__(self) -> None:
        self.pool = BlockPool()
        self.sessions = Sessions(self.pool)
        near, far = socket.socketpair()
        self.front = FrameSocket(near)
        self.home = Home(FrameSocket(far), Peer(self.pool))
        self.inbox = Inbox(self.home)
        self.connections: list[Home | Direct] = [self.home]
        self.clients: list[FrameSocket] = []

    def client(self, session: int) -> FrameSocket:
        near, far = socket.socketpair()
        direct = Direct(
            FrameSocket(far), identity(session), self.sessions.of(identity(session)), self.home
        )
        self.connections.append(direct)
        self.inbox.add(direct)
        self.clients.append(FrameSocket(near))
        return self.clients[-1]

    def order(self, count: int) -> list[tuple[int, int]]:
        calls = [self.inbox.next() for _ in range(count)]
        return [(call.frame.session[0], call.frame.seq) for call in calls if call is not None]


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post()
    yield post
    for each in (post.front, *post.clients):
        each.close()
    while post.inbox.next() is not None:
        pass
    for connection in post.connections:
        connection.socket.close()


def test_a_session_with_many_calls_delays_another_ones_by_few(post: Post) -> None:
    busy, other = [post.client(1) for _ in range(40)], post.client(2)
    for seq, each in enumerate(busy):
        each.send(frame(1, seq))
    first = post.order(1)
    other.send(frame(2, 0))

    assert first[0][0] == 1
    # What came meanwhile is looked for now and then, not before each call.
    assert (2, 0) in post.order(18)
    assert len(post.order(22)) == 22


def test_calls_through_the_front_take_turns_with_direct_ones(post: Post) -> None:
    direct = post.client(2)
    for seq in range(5):
        post.front.send(frame(1, seq))
    direct.send(frame(2, 0))

    order = post.order(6)
    assert order.index((2, 0)) <= 1
    assert [each for each in order if each[0] == 1] == [(1, seq) for seq in range(5)]


def test_a_client_that_leaves_takes_nobody_along(post: Post) -> None:
    leaving, staying = post.client(1), post.client(2)
    leaving.send(frame(1, 0))
    leaving.close()
    staying.send(frame(2, 0))

    assert sorted(post.order(2)) == [(1, 0), (2, 0)]
    assert post.inbox.poll() is None
    assert len(post.inbox) == 2


def test_a_client_that_breaks_the_protocol_is_dropped(post: Post) -> None:
    bad, good = post.client(1), post.client(2)
    bad.send_bytes(b"x" * 200)
    good.send(frame(2, 0))

    assert post.order(1) == [(2, 0)]
    assert post.inbox.poll() is None
    with pytest.raises(EOFError):
        bad.receive()


def test_half_a_frame_holds_nobody_up(post: Post) -> None:
    from seer_runtime.wire.frames import encode_frame

    slow, quick = post.client(1), post.client(2)
    data = encode_frame(frame(1, 0))
    slow.send_bytes(data[:50])
    quick.send(frame(2, 0))
    assert post.order(1) == [(2, 0)]

    slow.send_bytes(data[50:])
    assert post.order(1) == [(1, 0)]


def test_a_batch_takes_what_waits_of_one_function_and_leaves_the_rest(post: Post) -> None:
    for number, name in enumerate(["b", "b", "other", "b"]):
        post.client(number).send(frame(number, 1, name))
    first = post.inbox.next()
    assert first is not None

    taken = post.inbox.more("b", 10, 0.0)

    assert {each.frame.session[0] for each in (first, *taken)} == {0, 1, 3}
    assert post.order(1) == [(2, 1)]


def test_a_batch_waits_for_more_and_no_longer_than_it_may(post: Post) -> None:
    client = post.client(1)
    threading.Timer(0.05, client.send, [frame(1, 1, "b")]).start()

    assert len(post.inbox.more("b", 1, 5.0)) == 1
    assert post.inbox.more("b", 1, 0.05) == []


def test_a_batch_takes_no_call_past_another_of_its_session(post: Post) -> None:
    for seq, name in enumerate(["b", "other", "b"]):
        post.front.send(frame(1, seq, name))
    assert post.order(1) == [(1, 0)]

    assert post.inbox.more("b", 5, 0.0) == []
    assert post.order(2) == [(1, 1), (1, 2)]


def test_there_are_no_more_calls_once_the_front_is_gone(post: Post) -> None:
    post.client(1)
    post.front.close()

    assert post.inbox.next() is None
    assert post.inbox.is_over
