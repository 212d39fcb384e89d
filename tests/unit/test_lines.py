"""Lines that calls print: each with its call's id in front, whole, whoever prints beside it."""

from __future__ import annotations

import contextvars
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import cast

import pytest

from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.worker.connections import Call, Home
from seer_runtime.worker.lines import CallLines, Page, share_lines
from seer_runtime.worker.output import CallOutput
from seer_runtime.worker.reporter import CURRENT
from seer_runtime.worker.running import Running

SESSION = bytes.fromhex("3fa94c") + bytes(13)


class Written:
    """Both streams of a worker, which end up in one place."""

    def __init__(self) -> None:
        self.raw = io.BytesIO()
        page = Page()
        self.out, self.err = (CallOutput(_text(self.raw), page) for _ in range(2))

    @property
    def text(self) -> str:
        return self.raw.getvalue().decode()


def _text(raw: io.BytesIO) -> io.TextIOWrapper:
    class Unclosed(io.BytesIO):
        def write(self, data: object) -> int:
            return raw.write(data)  # type: ignore[arg-type]

    stream = io.TextIOWrapper(Unclosed(), "utf-8", write_through=True)
    vars(stream)["mode"] = "w"
    return stream


def running(seq: int) -> Running:
    return Running(Call(Frame(Kind.CALL, SESSION, seq), cast("Home", None)), 0, 0.0)


def end(call: Running) -> None:
    call.is_over = True
    if call.output is not None:
        call.output.end()


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def call() -> Iterator[Running]:
    call = running(17)
    token = CURRENT.set(call)
    yield call
    CURRENT.reset(token)


def test_an_id_is_made_of_session_and_number() -> None:
    assert call_id(SESSION, 17) == "3fa94c-17"
    assert call_id(SESSION, 0) == ""


def test_each_line_begins_with_the_id(written: Written, call: Running) -> None:
    print("one\ntwo", file=written.out)
    print(file=written.out)
    print("three", file=written.err)
    written.out.writelines(["four\n", "five\n"])

    assert written.text.splitlines() == [
        *("[3fa94c-17] one", "[3fa94c-17] two", "[3fa94c-17] ", "[3fa94c-17] three"),
        *("[3fa94c-17] four", "[3fa94c-17] five"),
    ]


def test_what_is_printed_while_no_call_runs_is_as_it_is(written: Written) -> None:
    print("loading", end="... ", file=written.out)
    assert written.text == "loading... "
    print("done", file=written.out)
    print("", end="", file=written.out)

    assert written.text == "loading... done\n"


def test_what_comes_after_the_call_is_as_it_is(written: Written, call: Running) -> None:
    print("during", file=written.out)
    end(call)
    print("after", file=written.out)

    assert written.text == "[3fa94c-17] during\nafter\n"


def test_parts_of_a_line_are_one_line(written: Written, call: Running) -> None:
    for part in ("a", "b", "c"):
        print(part, end="", file=written.out)
    assert written.text == ""
    print(file=written.out)

    assert written.text == "[3fa94c-17] abc\n"


def test_a_line_without_an_end_ends_with_the_call(written: Written, call: Running) -> None:
    print("held", end="", file=written.out)
    print("flushed", end="", flush=True, file=written.err)
    end(call)

    assert sorted(written.text.splitlines()) == ["[3fa94c-17] flushed", "[3fa94c-17] held"]
    assert written.text.endswith("\n")


def test_a_very_long_line_is_not_held_back(written: Written, call: Running) -> None:
    for _ in range(5):
        written.out.write("x" * 1000)

    assert written.text == "[3fa94c-17] " + "x" * 5000


def test_a_progress_bar_overwrites_its_line_id_included(written: Written, call: Running) -> None:
    for percent in (0, 50, 100):
        written.err.write(f"\r{percent}%")
        written.err.flush()
    written.err.write("\n")

    bar = "\r".join(f"[3fa94c-17] {percent}%" for percent in (0, 50, 100))
    assert written.text == f"{bar}\n"


def test_a_return_at_the_end_begins_the_line_anew(written: Written, call: Running) -> None:
    for percent in (0, 50):
        print(f"{percent}%", end="\r", flush=True, file=written.out)
    print("done\r", file=written.out)

    assert written.text == "[3fa94c-17] 0%\r[3fa94c-17] 50%\r[3fa94c-17] done\r\n"


def test_calls_that_run_at_once_do_not_share_lines(written: Written) -> None:
    contexts = []
    for seq in (1, 2):
        context = contextvars.copy_context()
        context.run(CURRENT.set, running(seq))
        contexts.append(context)
    first, second = contexts

    first.run(written.out.write, "one ")
    first.run(written.out.flush)
    second.run(written.out.write, "two ")
    written.out.write("nobody's\n")
    second.run(written.out.write, "and more\n")
    first.run(written.out.write, "\n")
    first.run(written.out.write, "again\n")

    assert written.text.splitlines() == [
        *("[3fa94c-1] one ", "nobody's", "[3fa94c-2] two and more", "[3fa94c-1] again"),
    ]


def test_threads_of_one_call_do_not_tear_lines(written: Written, call: Running) -> None:
    def speak() -> None:
        for _ in range(200):
            print("a", "b", "c", file=written.out)

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=[speak]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert written.text.splitlines() == ["[3fa94c-17] a b c"] * 800


def test_calls_that_run_as_one_are_all_named(written: Written, call: Running) -> None:
    share_lines([call, running(18)])
    print("both", file=written.out)

    assert written.text == "[3fa94c-17,3fa94c-18] both\n"


def test_log_handlers_name_the_call(written: Written, call: Running) -> None:
    handler = logging.StreamHandler(written.err)
    handler.emit(logging.LogRecord("l", logging.INFO, "f", 1, "logged", None, None))

    assert written.text == "[3fa94c-17] logged\n"


def test_text_that_cannot_be_written_does_not_keep_a_call_from_ending(
    written: Written, call: Running
) -> None:
    written.out.write("\udc80")
    end(call)
    with pytest.raises(TypeError):
        written.out.write(b"bytes")  # type: ignore[arg-type]


def test_a_stream_stays_what_it_was() -> None:
    reading, writing = os.pipe()
    raw = open(writing, "wb", 0)  # noqa: SIM115 - the stream closes it
    before = io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
    vars(before)["mode"] = "w"
    with CallOutput(before, Page()) as stream:
        assert isinstance(stream, io.TextIOWrapper)
        assert (stream.fileno(), stream.isatty()) == (writing, False)
        assert (stream.encoding, stream.errors, stream.mode) == ("utf-8", "backslashreplace", "w")
        assert stream.buffer.write(b"raw ") == 4
        assert stream.write("\udc80é\n") == 3
        stream.reconfigure(encoding="latin-1")
        stream.write("é\n")
        assert os.read(reading, 100) == b"raw \\udc80\xc3\xa9\n\xe9\n"
    os.close(reading)


def test_nothing_is_made_for_a_call_that_prints_nothing(call: Running) -> None:
    assert call.output is None
    assert "output" not in vars(call)
    assert not isinstance(sys.stdout, CallOutput)
    assert CallLines("").end() is None  # type: ignore[func-returns-value]
