"""The journal: entries and files, torn ones too, and what readers make of them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from seer_rpc.journal import CallRecord, Filter, JournalReader, read_calls
from seer_rpc.journal.arguments import show_arguments
from seer_rpc.journal.records import Known
from seer_runtime.wire.abridgement import WHOLE, abridge
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.entries import Entry, Fault, Source, entry_of, pack_chunk, read_chunks
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.journal import CURRENT, PREVIOUS, JournalFile, hold, is_held
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.worker import journal as worker_journal
from seer_runtime.worker.journal import CallJournal
from seer_runtime.worker.running import Running


@dataclass
class Point:
    x: int
    y: int


SESSION = bytes.fromhex("3fa94c") + bytes(13)
SOURCE = Source("tools", 1, 1_700_000_000.0)
Append = Callable[..., None]


def call(*args: Any, **kwargs: Any) -> Frame:
    body, segments = Codec().encode([list(args), kwargs])
    return Frame(Kind.CALL, SESSION, 17, name="shout", body=body, segments=segments)


def entry(seq: int = 1, **fields: Any) -> Entry:
    made = entry_of(call("hello"), 1_700_000_000.0 + seq, 0.5)
    return made._replace(seq=seq, **fields)


def shown(*args: Any, **kwargs: Any) -> str:
    return show_arguments(entry_of(call(*args, **kwargs), 0.0, None))


def records(folder: Path, **wanted: Any) -> list[CallRecord]:
    return read_calls(folder, "box", Filter(**wanted))


@pytest.fixture
def append(tmp_path: Path) -> Append:
    file = JournalFile(str(tmp_path))
    return lambda *entries, source=SOURCE: file.append(pack_chunk(source, entries))


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, ""),
        (("hé", 1, None), {"times": 2.5}, "'hé', 1, None, times=2.5"),
        (((1, 2), {1}, {"a": b"x"}), {}, "(1, 2), {1}, {'a': b'x'}"),
        ((2**70, Path("/x")), {}, f"{2**70}, {Path('/x')!r}"),
        ((datetime(2026, 1, 2, tzinfo=UTC),), {}, f"{datetime(2026, 1, 2, tzinfo=UTC)!r}"),
        ((np.zeros((2, 3), np.float32),), {}, "<array <f4 [2, 3], 24 B>"),
        ((np.float32(1),), {}, "<scalar <f4, 4 B>"),
        (
            ([torch.zeros(4, 250, dtype=torch.bfloat16)],),
            {},
            "[<tensor bfloat16 [4, 250], 2.0 KB>]",
        ),
        ((Point(1, 2),), {}, "Point(x=1, y=2)"),
        ((b"x" * 300_000,), {}, "<bytes, 300.0 KB>"),
        (("x" * 3_000_000,), {}, "<3.0 MB>"),
    ],
)
def test_arguments_are_shown_as_they_stand_in_a_call(
    args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    assert shown(*args, **kwargs) == text


def test_a_large_argument_is_its_beginning_size_and_digest() -> None:
    text = shown("to be or not " * 100, 7, items=list(range(1000)))

    assert text.startswith(f"<{('to be or not ' * 5)[:60]!r}..., 1.3 KB, sha256 ")
    assert ">, 7, items=<" in text
    assert shown("to be or not " * 100, 7, items=list(range(1000))) == text
    assert shown("to be or not " * 100, 7, items=list(range(1001))) != text


def test_many_small_arguments_are_one_large_one() -> None:
    assert shown(*range(5000)).startswith("<")
    assert len(abridge(call(*range(5000)).body)) < 100


@given(some.binary(max_size=4 * WHOLE))
def test_whatever_comes_as_arguments_can_be_shown(body: bytes) -> None:
    frame = Frame(Kind.CALL, SESSION, 17, name="shout", body=body)
    made = entry_of(frame, 0.0, None)

    assert made.body is not None
    assert len(made.body) <= 4 * WHOLE
    assert isinstance(show_arguments(made), str)


def test_chunks_are_read_as_they_were_written() -> None:
    fault = Fault(Failure.RAISED, Failure.FINISHED, Failure.KEPT, "ValueError", "no \udc80")
    entries = [entry(1), entry(2, fault=fault), entry(3, is_over=False, duration=None)]
    data = pack_chunk(SOURCE, entries) + pack_chunk(SOURCE)

    first, second = read_chunks(data)
    assert first[1:] == (SOURCE, [each._replace(sizes=[]) for each in entries])
    assert second == (len(data), SOURCE, [])


@given(some.data())
def test_damage_costs_the_damaged_chunks_alone(data: some.DataObject) -> None:
    chunks = [pack_chunk(SOURCE, [entry(seq)]) for seq in range(4)]
    torn = data.draw(some.integers(0, 3))
    cut = data.draw(some.integers(0, len(chunks[torn]) - 1))
    noise = data.draw(some.binary(max_size=20))
    chunks[torn] = chunks[torn][:cut] + noise

    read = [each.seq for _, _, entries in read_chunks(b"".join(chunks)) for each in entries]
    assert read == [seq for seq in range(4) if seq != torn]


def test_files_are_for_their_owner_and_bounded(tmp_path: Path) -> None:
    file = JournalFile(str(tmp_path), limit=10_000)
    for seq in range(1000):
        file.append(pack_chunk(SOURCE, [entry(seq)]))
        assert (tmp_path / CURRENT).stat().st_size <= 10_000

    assert sorted(os.listdir(tmp_path)) == [CURRENT, PREVIOUS]
    for name in (CURRENT, PREVIOUS):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert (tmp_path / name).stat().st_size <= 10_000
    assert [each.call_id for each in records(tmp_path)][-1] == "3fa94c-999"


def test_a_second_writer_goes_on_where_the_first_has_put_the_file_aside(tmp_path: Path) -> None:
    files = [JournalFile(str(tmp_path), limit=1000) for _ in range(2)]
    for seq in range(1, 40):
        files[seq % 2].append(pack_chunk(SOURCE, [entry(seq)]))

    seqs = [int(each.call_id.partition("-")[2]) for each in records(tmp_path)]
    assert seqs == list(range(seqs[0], 40))
    assert len(seqs) > 5


def test_a_reader_gives_what_is_new_across_files(tmp_path: Path) -> None:
    file = JournalFile(str(tmp_path), limit=1000)
    reader = JournalReader(tmp_path)
    assert reader.read() == []
    for seq in range(1, 60):
        file.append(pack_chunk(SOURCE, [entry(seq)]))
        if seq % 4 == 0:
            assert [each for _, each in reader.read()] == list(range(seq - 3, seq + 1))
    with (tmp_path / CURRENT).open("ab") as torn:
        torn.write(pack_chunk(SOURCE, [entry(60)])[:-1])
    assert [each for _, each in reader.read()] == [57, 58, 59]
    file.append(pack_chunk(SOURCE, [entry(61)]))
    assert [each for _, each in reader.read()] == [61]


def test_a_folder_without_a_journal_has_no_calls(tmp_path: Path) -> None:
    assert records(tmp_path) == []
    assert records(tmp_path / "gone") == []


def test_a_folder_is_held_until_its_front_is_gone(tmp_path: Path) -> None:
    assert not is_held(str(tmp_path))
    descriptor = hold(str(tmp_path))
    assert is_held(str(tmp_path))
    os.close(descriptor)
    assert not is_held(str(tmp_path))
    assert not is_held(str(tmp_path / "gone"))


def test_later_entries_add_what_they_know(tmp_path: Path, append: Append) -> None:
    died = Fault(Failure.WORKER_DIED, Failure.INTERRUPTED, Failure.LOST, "", "killed")
    unknown = Fault(Failure.UNSPECIFIED, Failure.FINISHED, Failure.KEPT)
    append(entry(1, is_over=False, duration=None), entry(2), entry(3, is_over=False))
    append(entry(1, function="", began=0.0, duration=2.0, body=None, fault=died))
    append(entry(2, body=None, duration=None, fault=unknown), entry(4, body=None, fault=unknown))

    first, second, third, fourth = records(tmp_path)
    assert (first.function, first.arguments, first.duration) == ("shout", "'hello'", 2.0)
    assert (first.outcome, first.effect, first.state) == ("worker_died", "interrupted", "lost")
    assert (second.outcome, second.duration, second.arguments) == ("ok", 0.5, "'hello'")
    # Nobody holds the folder: it does not run any more.
    assert (third.outcome, third.effect) == ("unknown", "")
    assert (fourth.outcome, fourth.arguments, fourth.failed) == ("unknown", "...", False)


def test_calls_are_chosen_by_what_they_are(tmp_path: Path, append: Append) -> None:
    raised = Fault(Failure.RAISED, Failure.FINISHED, Failure.KEPT, "ValueError", "no")
    append(entry(2, fault=raised), entry(1))
    append(entry(3, function="other"), source=SOURCE._replace(interface="more"))

    def chosen(**wanted: Any) -> list[str]:
        return [each.call_id[-1] for each in records(tmp_path, **wanted)]

    assert chosen() == ["1", "2", "3"]
    assert chosen(failed=True) == ["2"]
    assert chosen(failed=False) == ["1", "3"]
    assert chosen(function="other") == chosen(interface="more") == ["3"]
    second = datetime.fromtimestamp(SOURCE.time + 2, timezone(timedelta(hours=5)))
    assert chosen(since=second) == ["2", "3"]
    assert chosen(since=timedelta(days=1)) == []
    assert len(read_calls(tmp_path, "box", Filter(), last=2)) == 2


def test_a_record_is_one_line_of_json(tmp_path: Path, append: Append) -> None:
    append(entry(1, function="two\nlines"))
    (record,) = records(tmp_path)

    line = record.to_json()
    assert "\n" not in line
    values = json.loads(line)
    assert values["function"] == "two\nlines"
    assert datetime.fromisoformat(values["time"]) == record.time
    assert record.time.tzinfo is UTC
    assert (values["sandbox"], values["interface"], values["epoch"]) == ("box", "tools", 1)


def test_what_is_no_entry_is_passed_over(tmp_path: Path, append: Append) -> None:
    append()
    for wrong in ({"began": "when"}, {"began": 1e300}, {"fault": 7}, {"sizes": None}, {"seq": "x"}):
        append(entry(2)._replace(**wrong))
    append([1], None)
    append(entry(1))

    assert [each.call_id for each in records(tmp_path)] == ["3fa94c-1"]


class Worker:
    """A journal as a worker has it, written when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = CallJournal(str(folder))

    def end(self, seq: int, failure: Failure | None = None, frame: Frame | None = None) -> None:
        frame = (frame or call("hello"))._replace(seq=seq)
        running = SimpleNamespace(call=SimpleNamespace(frame=frame), began=0.0)
        answer = Frame(Kind.RESULT)
        if failure is not None:
            answer = Frame(Kind.ERROR, body=failure.SerializeToString())
        self.journal.add(cast("Running", running), answer)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def test_a_worker_writes_what_ended(worker: Worker) -> None:
    worker.end(1)
    worker.end(2, Failure(kind=Failure.RAISED, exception="KeyError", message="x" * 9000))
    worker.end(3, frame=call("hello", np.zeros(9)))
    assert records(worker.folder) == []
    worker.journal.flush()

    first, second, third = records(worker.folder)
    assert (first.function, first.arguments, first.outcome) == ("shout", "'hello'", "ok")
    assert (second.outcome, second.exception, second.failed) == ("raised", "KeyError", True)
    assert len(second.message) == 500
    assert third.arguments == "'hello', <array <f8 [9], 72 B>"


def test_calls_that_come_too_fast_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_journal, "_MOST", 10)
    worker = Worker(tmp_path)
    for seq in range(1, 26):
        worker.end(seq)
    worker.journal.flush()

    reader = JournalReader(tmp_path)
    reader.read()
    assert [seq for _, seq in reader.calls] == list(range(16, 26))
    assert reader.dropped == 15


def test_large_arguments_that_wait_are_bounded(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_journal, "_MOST_BYTES", 250_000)
    for seq in range(1, 6):
        worker.end(seq, frame=call("x" * 100_000))
    worker.journal.flush()

    shown = [each.arguments for each in records(worker.folder)]
    assert ["sha256" in each for each in shown] == [True, True, False, False, False]
    assert shown[-1] == "<100.0 KB>"


def test_what_cannot_be_written_is_counted(worker: Worker) -> None:
    (worker.folder / CURRENT).mkdir()
    worker.end(1)
    worker.journal.flush()
    (worker.folder / CURRENT).rmdir()
    worker.end(2)
    worker.journal.flush()

    reader = JournalReader(worker.folder)
    assert reader.read() == [(SESSION, 2)]
    assert reader.dropped == 1


def test_a_call_that_is_known_by_nothing_has_a_time() -> None:
    known = Known(SOURCE, entry(1, began=0.0))
    assert known.record("box", is_running=True).time.timestamp() == SOURCE.time
