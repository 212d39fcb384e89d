"""A client of a hostile sandbox gets typed errors, always, and soon."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import grpc
import pytest

from seer_rpc.client import Connection, ResultStream, Session
from seer_rpc.errors import SeerError
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.frames import Frame, Kind, encode_frame
from seer_runtime.wire.pb.runtime_pb2 import Failure
from tests.faults.hostile import Answer, HostileServer, opened, reply
from tests.faults.mutations import VALUES, frames, made_up, mutate

PATIENCE = 20.0
SURPRISE = "a value that nobody may get"


@pytest.fixture(autouse=True)
def raised_on_threads(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """Fail a test that raises on a thread of the client's; the user would see a traceback."""
    raised: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))
    return raised


def within_patience(work: Callable[[], Any]) -> Any:
    """Do what may hang."""
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result(PATIENCE)


def call(session: Session) -> Any:
    """Call, take what comes, and give it, or the error of this library's that was raised."""

    def take() -> Any:
        value = session.call("anything", [], {})
        return list(value) if isinstance(value, ResultStream) else value

    try:
        return within_patience(take)
    except SeerError as error:
        return error


def calls(connection: Connection, count: int) -> None:
    """Make calls, on another session where one is lost."""
    numbers = iter(range(count))
    while True:
        with within_patience(lambda: Session(connection)) as session:
            for _ in numbers:
                call(session)
                if session.lost is not None:
                    break
            else:
                return


def fuzzed(seed: int, make: Callable[[random.Random, Frame], bytes]) -> Answer:
    """Answer each frame with up to three messages that `make` makes."""
    draw = random.Random(seed)

    def answer(asked: Frame) -> Iterator[bytes]:
        for _ in range(draw.randrange(1, 4)):
            yield make(draw, asked)

    return answer


CORPUS = frames()
FAILURE = Failure(
    kind=Failure.RAISED, message="no", exception="ValueError", traceback="t", log=["l"], exit_code=3
).SerializeToString()


def damaged_message(draw: random.Random, asked: Frame) -> bytes:
    return mutate(encode_frame(reply(asked)), draw, CORPUS)


def damaged_frame(draw: random.Random, asked: Frame) -> bytes:
    kind = draw.choice((Kind.RESULT, Kind.ERROR, Kind.ITEMS, Kind.END, Kind.PROGRESS))
    body = FAILURE if kind is Kind.ERROR else Codec().encode(draw.choice(VALUES)).body
    return mutate(encode_frame(reply(asked, kind, body)), draw, CORPUS)


def damaged_result(draw: random.Random, asked: Frame) -> bytes:
    encoded = Codec().encode(draw.choice(VALUES))
    body = made_up(draw) if draw.random() < 0.5 else mutate(encoded.body, draw, CORPUS)
    return encode_frame(reply(asked, Kind.RESULT, body)._replace(segments=encoded.segments))


def damaged_items(draw: random.Random, asked: Frame) -> bytes:
    body = made_up(draw)
    return encode_frame(reply(asked, draw.choice((Kind.ITEMS, Kind.END)), body))


def damaged_failure(draw: random.Random, asked: Frame) -> bytes:
    return encode_frame(reply(asked, Kind.ERROR, mutate(FAILURE, draw, CORPUS)))


def damaged_progress(draw: random.Random, asked: Frame) -> bytes:
    return encode_frame(reply(asked, Kind.PROGRESS, made_up(draw)))


def any_kind(draw: random.Random, asked: Frame) -> bytes:
    kind = draw.choice(list(Kind))
    seq = draw.choice((0, asked.seq, asked.seq, asked.seq + 1, 2**64 - 1))
    body = draw.choice((FAILURE, made_up(draw), b""))
    return encode_frame(reply(asked, kind, body)._replace(seq=seq))


@pytest.mark.parametrize(
    "make",
    [
        damaged_message,
        damaged_result,
        damaged_failure,
        damaged_frame,
        damaged_items,
        damaged_progress,
        any_kind,
    ],
    ids=lambda make: make.__name__,
)
def test_fuzzed_answers(
    make: Callable[[random.Random, Frame], bytes], raised_on_threads: list[BaseException | None]
) -> None:
    with HostileServer(fuzzed(1, make)) as server:
        calls(server.connection, 200)

    assert raised_on_threads == []


def test_fuzzed_openings(raised_on_threads: list[BaseException | None]) -> None:
    def damaged_opening(draw: random.Random, asked: Frame) -> bytes:
        return mutate(encode_frame(opened()), draw, CORPUS)

    def open_and_call() -> object:
        with Session(server.connection) as session:
            return call(session)

    with HostileServer(opening=fuzzed(1, damaged_opening)) as server:
        for _ in range(60):
            with contextlib.suppress(SeerError):
                within_patience(open_and_call)

    assert raised_on_threads == []


@pytest.mark.parametrize("code", [each for each in grpc.StatusCode if each.value[0]])
def test_every_status_is_a_typed_error(
    code: grpc.StatusCode, raised_on_threads: list[BaseException | None]
) -> None:
    statuses = iter([code])
    with (
        HostileServer(lambda asked: iter(tuple(statuses))) as server,
        within_patience(lambda: Session(server.connection)) as session,
    ):
        end = call(session)

    assert end == [] or isinstance(end, SeerError)
    assert raised_on_threads == []


def unknown(field: str) -> bytes:
    """Give a failure with a number in an enumeration that this version does not know."""
    number = Failure.DESCRIPTOR.fields_by_name[field].number
    return FAILURE + bytes([number << 3, 99])


WRONG: dict[str, list[tuple[Kind, bytes]]] = {
    "failure that is none": [(Kind.ERROR, b"\xff\xff")],
    "failure of an unknown kind": [(Kind.ERROR, unknown("kind"))],
    "failure with an unknown effect": [(Kind.ERROR, unknown("effect"))],
    "failure in an unknown state": [(Kind.ERROR, unknown("state"))],
    "items that are a number": [(Kind.ITEMS, Codec().encode(5).body)],
    "items that are a text": [(Kind.ITEMS, Codec().encode(SURPRISE).body)],
    "stream that ends with a number": [
        (Kind.ITEMS, Codec().encode([]).body),
        (Kind.RESULT, Codec().encode(5).body),
    ],
    "progress that is a number": [(Kind.PROGRESS, Codec().encode(5).body)],
    "progress that is too short": [(Kind.PROGRESS, Codec().encode([1]).body)],
    "call": [(Kind.CALL, Codec().encode(SURPRISE).body)],
    "opened": [(Kind.OPENED, Codec().encode(SURPRISE).body)],
    "load": [(Kind.LOAD, Codec().encode(SURPRISE).body)],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_answer_that_is_none(
    wrong: list[tuple[Kind, bytes]], raised_on_threads: list[BaseException | None]
) -> None:
    def answer(asked: Frame) -> Iterator[bytes]:
        return iter([encode_frame(reply(asked, *each)) for each in wrong])

    with (
        HostileServer(answer) as server,
        within_patience(lambda: Session(server.connection)) as session,
    ):
        end = call(session)

    assert end == [] or isinstance(end, SeerError)
    assert raised_on_threads == []
