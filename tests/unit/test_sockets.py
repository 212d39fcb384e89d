"""Frames over a socket: in pieces, several at once, with descriptors, and from bad peers."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from seer_runtime.wire.frames import HEADER, Frame, FrameError, Kind, encode_frame
from seer_runtime.wire.sockets import FrameSocket
from tests.descriptors import Descriptors


class Ends(NamedTuple):
    raw: socket.socket
    framed: FrameSocket


@pytest.fixture
def ends() -> Iterator[Ends]:
    raw, other = socket.socketpair()
    framed = FrameSocket(other)
    yield Ends(raw, framed)
    raw.close()
    framed.close()


def call(seq: int, body: bytes = b"") -> Frame:
    return Frame(Kind.CALL, bytes(16), seq, name="f", body=body)


def seqs(framed: FrameSocket) -> list[int]:
    found = []
    while (frame := framed.read()) is not None:
        found.append(frame.seq)
    return found


def test_a_frame_that_comes_byte_by_byte_is_read_once_it_is_whole(ends: Ends) -> None:
    data = encode_frame(call(7, b"body"))
    for byte in data[:-1]:
        ends.raw.send(bytes([byte]))
        assert ends.framed.read() is None
    ends.raw.send(data[-1:])

    frame = ends.framed.read()
    assert frame is not None
    assert (frame.seq, bytes(frame.body)) == (7, b"body")


@pytest.mark.parametrize("cut", [1, HEADER.size - 1, HEADER.size, HEADER.size + 3, 10**9])
def test_several_frames_that_come_at_once_are_read_one_by_one(ends: Ends, cut: int) -> None:
    data = b"".join(encode_frame(call(seq, b"x" * seq)) for seq in range(1, 30))
    ends.raw.sendall(data[:cut])
    found = seqs(ends.framed)
    ends.raw.sendall(data[cut:])

    assert found + seqs(ends.framed) == list(range(1, 30))


def test_a_frame_larger_than_the_buffers_crosses(ends: Ends) -> None:
    body = os.urandom(5 << 20)
    sender = threading.Thread(target=ends.raw.sendall, args=(encode_frame(call(1, body)),))
    sender.start()

    assert bytes(ends.framed.receive().body) == body
    sender.join()


def test_descriptors_come_with_their_frame(ends: Ends) -> None:
    other = FrameSocket(ends.raw)
    pipes = [os.pipe() for _ in range(4)]
    for seq, (reading, _) in enumerate(pipes):
        other.send(call(seq))
        other.send(call(100 + seq), [reading])

    for number, (_, writing) in enumerate(pipes):
        assert ends.framed.receive().seq == number
        assert ends.framed.receive().seq == 100 + number
        os.write(writing, bytes([number]))
        got = ends.framed.descriptors.popleft()
        assert os.read(got, 1) == bytes([number])
        assert not os.get_inheritable(got)
        os.close(got)
    assert not ends.framed.descriptors
    for pair in pipes:
        for each in pair:
            os.close(each)


def test_closing_a_socket_closes_the_descriptors_that_nobody_took(
    ends: Ends, tmp_path: Path
) -> None:
    other = FrameSocket(ends.raw)
    file = tmp_path / "file"
    opened = Descriptors()
    with file.open("w") as shown:
        other.send(call(1), [shown.fileno()] * 3)
    ends.framed.receive()
    assert opened.new(str(file)) == [str(file)] * 3

    ends.framed.close()

    assert opened.new(str(file)) == []


def test_the_end_in_the_middle_of_a_frame_is_an_end(ends: Ends) -> None:
    ends.raw.sendall(encode_frame(call(1)) + encode_frame(call(2, b"half of it"))[:-5])
    ends.raw.close()

    assert ends.framed.receive().seq == 1
    with pytest.raises(EOFError):
        ends.framed.receive()


def test_what_is_no_frame_is_refused(ends: Ends) -> None:
    ends.raw.sendall(b"GET / HTTP/1.1\r\n" + b" " * HEADER.size)

    with pytest.raises(FrameError, match="not a frame"):
        ends.framed.read()


def test_a_huge_length_allocates_nothing(run_python: Callable[..., str]) -> None:
    printed = run_python("""
        import socket
        from pathlib import Path
        from seer_runtime.wire.frames import HEADER, MAGIC, VERSION, Kind
        from seer_runtime.wire.sockets import FrameSocket

        def peak():
            lines = Path("/proc/self/status").read_text().splitlines()
            return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

        raw, other = socket.socketpair()
        framed = FrameSocket(other)
        fields = (MAGIC, VERSION, Kind.CALL, 0, bytes(16), 1, 0, 0, 0, 0, 1 << 60)
        raw.sendall(HEADER.pack(*fields))
        before = peak()
        for _ in range(20):
            raw.sendall(bytes(1000))
            assert framed.read() is None
        print(peak() - before)
    """)

    assert int(printed) < 4 << 10


def test_sending_stops_where_patience_ends(ends: Ends) -> None:
    looks = iter([True, True, False])
    since = time.monotonic()

    with pytest.raises(TimeoutError):
        ends.framed.send(call(1, bytes(4 << 20)), patience=lambda: next(looks))

    assert time.monotonic() - since > 0.1
    assert list(looks) == []


def test_sending_goes_on_when_the_peer_reads_again(ends: Ends) -> None:
    other = FrameSocket(ends.raw)
    body = os.urandom(2 << 20)
    sender = threading.Thread(target=ends.framed.send, args=(call(1, body), [0]))
    sender.start()
    time.sleep(0.1)

    assert bytes(other.receive().body) == body
    sender.join()
    assert len(other.descriptors) == 1
    other.close()


def test_an_abort_wakes_who_waits(ends: Ends) -> None:
    threading.Timer(0.05, ends.framed.abort).start()

    with pytest.raises(EOFError):
        ends.framed.receive()
    with pytest.raises(OSError, match="pipe"):
        ends.framed.send(call(1))


def test_waiting_says_whether_there_is_something(ends: Ends) -> None:
    assert not ends.framed.wait(0.01)
    assert not ends.framed.spin(0.001)
    ends.raw.send(b"x")
    assert ends.framed.wait(1)
    assert ends.framed.spin(1)
