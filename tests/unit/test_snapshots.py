"""Snapshots of folders: what they keep, what they refuse, and what breaks them."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_rpc.errors import SnapshotError
from seer_rpc.locations import snapshots_folder
from seer_rpc.snapshots import (
    Garbage,
    Snapshot,
    Subject,
    collect_garbage,
    find_snapshot,
    list_snapshots,
    remove_snapshot,
    restore_snapshot,
    take_snapshot,
)
from seer_rpc.snapshots.manifest import Entry, File, Folder, Link, Twin, decode, encode
from seer_rpc.snapshots.store import MANIFEST, blobs, in_use, kept_folder
from tests.descriptors import Descriptors

NAMES = ("root", "workspace")
SUBJECT = Subject("0123456789abcdef", "trial", "local")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sandbox's folder."""
    for name in (*NAMES, "models", "run"):
        (tmp_path / "sandbox" / name).mkdir(parents=True)
    return tmp_path / "sandbox"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An empty folder of another sandbox."""
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def take(folder: Path, description: str = "") -> Snapshot:
    return take_snapshot(folder, NAMES, SUBJECT, description, lambda: True)


def restore(snapshot: Snapshot, target: Path) -> Path:
    restore_snapshot(snapshot, target, NAMES)
    return target


def everything(folder: Path) -> dict[str, object]:
    """Describe a tree without following any link."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path), status.st_mtime_ns)
        elif path.is_dir():
            found[name] = ("folder", stat.S_IMODE(status.st_mode), status.st_mtime_ns)
        else:
            mode = stat.S_IMODE(status.st_mode)
            found[name] = ("file", path.read_bytes(), mode, status.st_mtime_ns)
    return found


def damage(file: Path, place: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


# What is kept.


def test_a_tree_comes_back_as_it_was(folder: Path, target: Path) -> None:
    (folder / "root" / "deep" / "er").mkdir(parents=True)
    (folder / "root" / "deep" / "er" / "tool.sh").write_text("#!/bin/sh\n")
    (folder / "root" / "deep" / "er" / "tool.sh").chmod(0o755)
    (folder / "root" / "empty").touch()
    (folder / "root" / ".hidden").write_bytes(bytes(range(256)))
    (folder / "workspace" / "link").symlink_to("../root/.hidden")
    (folder / "workspace" / "nowhere").symlink_to("/does/not/exist")
    (folder / "root" / "read-only").mkdir()
    (folder / "root" / "read-only" / "notes").write_text("kept")
    (folder / "root" / "read-only").chmod(0o500)
    os.utime(folder / "root" / "empty", ns=(1, 123_456_789_012_345_678))
    os.utime(folder / "root" / "deep", ns=(1, 1_000_000_000))
    before = everything(folder)

    snapshot = take(folder, "as it was")

    assert everything(folder) == before
    assert restore(snapshot, target) == target
    kept = {name: value for name, value in before.items() if name not in ("models", "run")}
    assert everything(target) == kept
    assert (snapshot.files, snapshot.description) == (6, "as it was")
    assert snapshot.size == 256 + len("#!/bin/sh\n") + len("kept")
    assert (snapshot.skipped, snapshot.unsettled) == ((), ())


def test_models_and_what_the_sandbox_runs_on_are_not_in_it(folder: Path, target: Path) -> None:
    (folder / "models" / "weights").write_text("huge")
    (folder / "run" / "journal").write_text("secret")
    (folder / "record.json").write_text("token")

    restore(take(folder), target)

    assert sorted(os.listdir(target)) == list(NAMES)


@pytest.mark.parametrize("name", [b"line\nbreak", b"\xff\xfe", b"-rf", b'"', b"\\u0000", b" "])
def test_any_name_that_the_system_allows_is_kept(folder: Path, target: Path, name: bytes) -> None:
    place = os.fsencode(folder / "root")
    Path(os.fsdecode(os.path.join(place, name))).write_bytes(b"content")
    os.symlink(name, os.path.join(place, name + b".link"))
    os.mkdir(os.path.join(place, name + b".folder"))

    restore(take(folder), target)

    kept = os.fsencode(target / "root")
    assert sorted(os.listdir(kept)) == sorted([name, name + b".link", name + b".folder"])
    assert os.readlink(os.path.join(kept, name + b".link")) == name


def test_hard_links_stay_one_file(folder: Path, target: Path) -> None:
    (folder / "root" / "one").write_text("shared")
    os.link(folder / "root" / "one", folder / "workspace" / "two")
    (folder / "root" / "other").write_text("shared")

    restore(take(folder), target)

    one, two = target / "root" / "one", target / "workspace" / "two"
    assert one.samefile(two)
    assert not one.samefile(target / "root" / "other")
    assert one.read_text() == "shared"


def test_a_hole_takes_neither_time_nor_room(folder: Path, target: Path) -> None:
    sparse = folder / "root" / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 42)
        file.seek(1 << 30)
        file.write(b"in the middle")

    snapshot = take(folder)
    restore(snapshot, target)

    status = (target / "root" / "sparse").stat()
    assert status.st_size == 1 << 42
    assert status.st_blocks * 512 < 1 << 20
    assert snapshot.size is not None
    assert snapshot.size < 1 << 20
    with (target / "root" / "sparse").open("rb") as file:
        file.seek(1 << 30)
        assert file.read(13) == b"in the middle"


def test_a_content_is_kept_once(folder: Path) -> None:
    for number in range(5):
        (folder / "root" / f"copy{number}").write_bytes(b"x" * 10_000)
    take(folder)
    (folder / "root" / "another").write_bytes(b"y" * 10_000)
    take(folder)

    kept = list(blobs().all())

    assert sorted(each.size for each in kept) == [10_000, 10_000]
    assert {stat.S_IMODE(each.file.stat().st_mode) for each in kept} == {0o400}


def test_contents_are_not_the_sandboxs_own_files(folder: Path) -> None:
    original = folder / "root" / "file"
    original.write_text("before")
    snapshot = take(folder)
    original.write_text("after!")

    assert [each.file.read_text() for each in blobs().all()] == ["before"]
    assert (restore(snapshot, _fresh(folder)) / "root" / "file").read_text() == "before"


def _fresh(folder: Path) -> Path:
    fresh = folder.with_name("fresh")
    fresh.mkdir()
    return fresh


# What is not kept, and said to be so.


def test_what_is_no_file_is_skipped_and_named(folder: Path) -> None:
    os.mkfifo(folder / "root" / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "root" / "socket"))
        snapshot = take(folder)

    assert sorted(snapshot.skipped) == ["root/fifo (a FIFO)", "root/socket (a socket)"]
    assert snapshot.files == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_neither_read_nor_kept(folder: Path, target: Path) -> None:
    try:
        os.mknod(folder / "root" / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")

    snapshot = take(folder)
    restore(snapshot, target)

    assert snapshot.skipped == ("root/zero (a device)",)
    assert os.listdir(target / "root") == []


def test_rights_that_would_be_rights_of_the_owner_are_not_kept(folder: Path, target: Path) -> None:
    (folder / "root" / "tool").touch()
    (folder / "root" / "tool").chmod(0o6755)

    restore(take(folder), target)

    assert stat.S_IMODE((target / "root" / "tool").stat().st_mode) == 0o755


def test_many_skipped_things_are_counted(folder: Path) -> None:
    for number in range(130):
        os.mkfifo(folder / "root" / f"fifo{number}")

    assert take(folder).skipped[-1] == "and 30 more"


@pytest.fixture
def deep(folder: Path) -> Iterator[Path]:
    """A folder with more folders within each other than any path has room for."""
    here = os.open(folder / "root", os.O_RDONLY)
    for _ in range(2_000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield folder
    # pytest's own way of removing it ends in a RecursionError.
    subprocess.run(["rm", "-rf", str(folder / "root")], check=True)


def test_folders_within_each_other_have_an_end(deep: Path) -> None:
    opened = Descriptors()

    snapshot = take(deep)

    assert len(snapshot.skipped) == 1
    assert "folders deep" in snapshot.skipped[0]
    assert opened.new(str(deep)) == []


def test_a_snapshot_can_be_noted_down_as_json(folder: Path) -> None:
    os.mkfifo(os.fsencode(folder / "root") + b"/\xff\n")
    snapshot = take(folder, 'quotes " and \n breaks')

    noted = json.loads(json.dumps(dataclasses.asdict(snapshot)))

    assert Snapshot.from_json(json.dumps(noted)) == snapshot
    assert noted["id"] == snapshot.id
    noted["skipped"][0].encode()
    with pytest.raises(ValueError, match="no snapshot"):
        Snapshot.from_json('{"id": "x"}')


# Links and other ways out.


def test_links_are_not_followed_wherever_they_are(folder: Path, target: Path) -> None:
    outside = folder.with_name("outside")
    outside.mkdir()
    (outside / "secret").write_text("SECRET")
    (folder / "root" / "out").symlink_to(outside)
    (folder / "root" / "file").symlink_to(outside / "secret")
    (folder / "root" / "self").symlink_to(".")
    folder.joinpath("workspace").rmdir()
    (folder / "workspace").symlink_to(outside)

    snapshot = take(folder)
    restore(snapshot, target)

    assert [kept.file.read_bytes() for kept in blobs().all()] == []
    assert os.readlink(target / "root" / "out") == str(outside)
    assert not (target / "workspace").exists()


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(folder: Path) -> None:
    outside = folder.with_name("outside")
    (outside / "inner").mkdir(parents=True)
    for number in range(20):
        (outside / "inner" / f"secret{number}").write_text(f"SECRET{number}")
    place = folder / "root" / "place"
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            place.mkdir(exist_ok=True)
            (place / "inner").mkdir(exist_ok=True)
            place.rename(place.with_name("aside"))
            place.symlink_to(outside)
            time.sleep(0)
            place.unlink()
            place.with_name("aside").rename(place)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(150):
            take(folder)
    finally:
        is_over.set()
        thread.join()

    assert all(b"SECRET" not in kept.file.read_bytes() for kept in blobs().all())


def test_a_file_that_becomes_a_fifo_meanwhile_blocks_nothing(folder: Path) -> None:
    place = folder / "root" / "place"
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            place.write_text("file")
            place.unlink()
            os.mkfifo(place)
            place.unlink()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(50):
            take(folder)
    finally:
        is_over.set()
        thread.join()


def craft(folder: Path, *lines: bytes) -> Snapshot:
    """Make a snapshot whose list says what nobody would have written."""
    snapshot = take(folder)
    manifest = kept_folder() / snapshot.id / MANIFEST
    manifest.write_bytes(b"".join(lines))
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    manifest.with_name(f"{MANIFEST}.sha256").write_text(digest)
    return snapshot


ROOT = encode(Folder("root", 0o700, 0))
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "path",
    [
        *("../escape", "/escape", "root/../../escape", "root/./../escape", "root//escape", ""),
        *("models/x", "escape", "root/a\0b", ".", "..", "root/", "root/\ud800"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(folder: Path, target: Path, path: str) -> None:
    line = encode(File(path, 0o600, 0, 0, EMPTY, []))
    snapshot = craft(folder, ROOT, line)

    with pytest.raises(SnapshotError, match="cannot be restored"):
        restore(snapshot, target)
    assert not target.with_name("escape").exists()
    assert os.listdir(target) in ([], ["root"])


def test_a_file_below_a_link_is_refused(folder: Path, target: Path) -> None:
    outside = folder.with_name("outside")
    outside.mkdir()
    (folder / "root" / "empty").touch()
    below: list[Entry] = [
        File("root/out/planted", 0o600, 0, 0, EMPTY, []),
        Folder("root/out/planted", 0o700, 0),
        Link("root/out/planted", 0, "anything"),
        File("root/out", 0o600, 0, 0, EMPTY, []),
        Folder("root/out", 0o700, 0),
    ]
    for number, entry in enumerate(below):
        link = Link("root/out", 0, str(outside) if number % 2 else "../../../outside")
        fresh = target / str(number)
        fresh.mkdir()
        with pytest.raises(SnapshotError):
            restore(craft(folder, ROOT, encode(link), encode(entry)), fresh)
    assert os.listdir(outside) == []


def test_a_hard_link_to_elsewhere_is_refused(folder: Path, target: Path) -> None:
    outside = folder.with_name("outside")
    outside.write_text("SECRET")
    ways = [
        [encode(Twin("root/x", "../outside"))],
        [encode(Link("root/l", 0, str(outside.parent))), encode(Twin("root/x", "root/l/outside"))],
    ]
    for number, lines in enumerate(ways):
        fresh = target / str(number)
        fresh.mkdir()
        with pytest.raises(SnapshotError):
            restore(craft(folder, ROOT, *lines), fresh)
    assert outside.stat().st_nlink == 1


ENTRIES = st.builds(
    lambda *parts: json.dumps(parts).encode(),
    st.sampled_from(["folder", "file", "link", "twin", "device", ""]),
    st.one_of(
        st.text(max_size=12),
        st.lists(st.sampled_from(["root", "workspace", "..", ".", "", "a", "\0", "l"])).map(
            "/".join
        ),
    ),
    st.one_of(st.integers(), st.text(max_size=8), st.none(), st.lists(st.integers())),
    st.one_of(st.integers(), st.floats(), st.sampled_from(["..", "/etc", "a"])),
)


@given(st.one_of(ENTRIES, st.binary(max_size=60)))
def test_no_line_breaks_the_reader(line: bytes) -> None:
    try:
        entry = decode(line)
    except ValueError:
        return
    parts = entry.path.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\0" not in entry.path
    assert decode(encode(entry)) == entry


@pytest.mark.parametrize(
    "extents", [[[0, -1]], [[5, 1], [0, 1]], [[0, 11]], [[1 << 70, 1]], ["x"], [[0]], [[None, 1]]]
)
def test_parts_that_do_not_fit_their_file_are_refused(extents: list[object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(json.dumps(["file", "root/x", 0, 0, 10, EMPTY, extents]).encode())


# Damage.


def test_a_flipped_byte_is_noticed_and_its_file_named(folder: Path, target: Path) -> None:
    (folder / "root" / "precious").write_text("content")
    snapshot = take(folder)
    damage(next(blobs().all()).file)

    with pytest.raises(SnapshotError, match=r"/root/precious is damaged: its content has changed"):
        restore(snapshot, target)


def test_a_missing_content_is_noticed_and_its_file_named(folder: Path, target: Path) -> None:
    (folder / "root" / "precious").write_text("content")
    snapshot = take(folder)
    next(blobs().all()).file.unlink()

    with pytest.raises(SnapshotError, match=r"/root/precious is damaged: its content is gone"):
        restore(snapshot, target)


def test_a_content_that_is_cut_is_noticed(folder: Path, target: Path) -> None:
    (folder / "root" / "precious").write_text("content")
    snapshot = take(folder)
    file = next(blobs().all()).file
    file.chmod(0o600)
    os.truncate(file, 3)

    with pytest.raises(SnapshotError, match="not as long"):
        restore(snapshot, target)
    # What is found to be cut is kept anew.
    restore(take(folder), _fresh(folder))


def test_a_list_that_changed_is_noticed(folder: Path, target: Path) -> None:
    (folder / "root" / "file").write_text("content")
    snapshot = take(folder)
    manifest = kept_folder() / snapshot.id / MANIFEST
    damage(manifest, manifest.read_bytes().index(b"file"))

    with pytest.raises(SnapshotError, match="list of its files has changed"):
        restore(snapshot, target)
    assert os.listdir(target) == []


def test_nothing_that_is_there_is_overwritten(folder: Path, target: Path) -> None:
    (folder / "root" / "file").write_text("new")
    snapshot = take(folder)
    (target / "root").mkdir()
    (target / "root" / "file").write_text("old")

    with pytest.raises(SnapshotError):
        restore(snapshot, target)
    assert (target / "root" / "file").read_text() == "old"


# While others write.


def test_a_file_that_comes_to_rest_is_whole(folder: Path, target: Path) -> None:
    file = folder / "root" / "table"
    size = 4 << 20
    file.write_bytes(b"a" * size)
    is_over = threading.Event()
    rest = 0.15

    def rewrite() -> None:
        letter = 0
        while not is_over.is_set():
            letter = (letter + 1) % 26
            with file.open("r+b") as stream:
                for _ in range(4):
                    stream.write(bytes([97 + letter]) * (size // 4))
                    stream.flush()
            is_over.wait(rest)

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        snapshots = []
        for _ in range(6):
            snapshots.append(take(folder))
            # Long enough for a reader that has little of the processor.
            rest *= 2
    finally:
        is_over.set()
        thread.join()

    for number, snapshot in enumerate(snapshots):
        fresh = target / str(number)
        fresh.mkdir()
        content = (restore(snapshot, fresh) / "root" / "table").read_bytes()
        assert len(content) == size
        assert snapshot.unsettled == ("root/table",) or len(set(content)) == 1
    assert any(not snapshot.unsettled for snapshot in snapshots)


def test_a_file_that_never_rests_is_named(folder: Path) -> None:
    file = folder / "root" / "busy.log"
    is_over = threading.Event()

    def append() -> None:
        with file.open("ab", buffering=0) as stream:
            while not is_over.is_set():
                stream.write(b"line\n")
                time.sleep(0.001)

    file.touch()
    thread = threading.Thread(target=append)
    thread.start()
    try:
        snapshot = take(folder)
        deadline = time.monotonic() + 60
        # The one that writes may have been kept from the processor for a moment.
        while not snapshot.unsettled and time.monotonic() < deadline:
            snapshot = take(folder)
    finally:
        is_over.set()
        thread.join()

    assert snapshot.unsettled == ("root/busy.log",)
    assert snapshot.files == 1


def test_files_that_come_and_go_are_no_failure(folder: Path) -> None:
    is_over = threading.Event()

    def churn() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            place = folder / "root" / f"d{number % 7}"
            place.mkdir(exist_ok=True)
            (place / "file").write_text(str(number))
            (place / "file").unlink()
            place.rmdir()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(60):
            take(folder)
    finally:
        is_over.set()
        thread.join()
    assert len(list_snapshots()) == 60


# The store.


def test_they_are_listed_found_and_removed(folder: Path) -> None:
    assert list_snapshots() == []
    (folder / "root" / "shared").write_text("both have it")
    first = take(folder, "first")
    (folder / "root" / "second").write_text("this one alone has it")
    second = take(folder, "second")

    assert list_snapshots() == [first, second]
    assert find_snapshot(second.id) == second
    assert find_snapshot(second.id[:12]) == second
    with pytest.raises(SnapshotError, match="2 snapshots begin with 'snap-'"):
        find_snapshot("snap-")

    assert remove_snapshot(second.id) == second
    assert [kept.file.read_text() for kept in blobs().all()] == ["both have it"]
    with pytest.raises(SnapshotError, match=f"no snapshot '{second.id}'") as caught:
        find_snapshot(second.id)
    assert first.id in caught.value.hint
    with pytest.raises(SnapshotError, match="any more"):
        remove_snapshot(second)
    remove_snapshot(first)
    assert (list_snapshots(), list(blobs().all())) == ([], [])


@pytest.mark.parametrize("which", ["", "..", "../..", "/", "*", "snap", "\0"])
def test_only_ids_name_a_snapshot(folder: Path, which: str) -> None:
    take(folder)
    take(folder)
    with pytest.raises(SnapshotError):
        remove_snapshot(which)
    assert len(list_snapshots()) == 2


def test_a_snapshot_that_cannot_be_read_hides_no_other(folder: Path) -> None:
    first, second = take(folder), take(folder)
    (kept_folder() / first.id / "snapshot.json").write_text("{")

    assert list_snapshots() == [second]


def test_garbage_is_what_no_snapshot_needs(folder: Path) -> None:
    assert collect_garbage() == Garbage(0, 0)
    (folder / "root" / "file").write_text("12345")
    snapshot = take(folder)
    (kept_folder() / snapshot.id).rename(kept_folder().parent / "lost")

    assert collect_garbage(dry_run=True) == Garbage(1, 5)
    assert len(list(blobs().all())) == 1
    assert collect_garbage() == Garbage(1, 5)
    assert list(blobs().all()) == []


def test_a_damaged_list_does_not_make_its_contents_garbage(folder: Path) -> None:
    (folder / "root" / "file").write_text("12345")
    snapshot = take(folder)
    damage(kept_folder() / snapshot.id / MANIFEST, 1)

    assert collect_garbage() == Garbage(0, 0)


def test_nothing_is_collected_while_a_snapshot_is_taken(folder: Path) -> None:
    (folder / "root" / "file").write_text("12345")
    snapshot = take(folder)
    (kept_folder() / snapshot.id).rename(kept_folder().parent / "lost")

    with in_use():
        assert collect_garbage() is None
    assert collect_garbage() == Garbage(1, 5)


def test_snapshots_and_collections_at_once_lose_nothing(
    folder: Path, target: Path, wait_until: Callable[..., None]
) -> None:
    for number in range(40):
        (folder / "root" / f"file{number}").write_bytes(os.urandom(2_000))
    errors: list[BaseException] = []
    taken: list[Snapshot] = []
    is_over = threading.Event()

    def run(action: Callable[[], object]) -> None:
        try:
            while not is_over.is_set():
                action()
        except BaseException as error:
            errors.append(error)

    def take_two() -> None:
        taken.append(take(folder))
        remove_snapshot(take(folder))

    threads = [threading.Thread(target=run, args=(take_two,)) for _ in range(2)]
    threads.append(threading.Thread(target=run, args=(collect_garbage,)))
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: errors or len(taken) > 8)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()

    assert errors == []
    assert len(taken) > 1
    for number, snapshot in enumerate(taken):
        fresh = target / str(number)
        fresh.mkdir()
        assert len(os.listdir(restore(snapshot, fresh) / "root")) == 40


def test_a_snapshot_that_is_killed_leaves_nothing_half(folder: Path) -> None:
    for number in range(300):
        (folder / "root" / f"file{number}").write_bytes(os.urandom(50_000))
    source = f"""
        import sys, time
        from pathlib import Path
        from seer_rpc.snapshots import Subject, take_snapshot
        print("begun", flush=True)
        subject = Subject("a", "b", "local")
        is_running = (lambda: time.sleep(600)) if sys.argv[1:] else (lambda: True)
        take_snapshot(Path({str(folder)!r}), {NAMES!r}, subject, "", is_running)
        print("done", flush=True)
    """
    kills = 0
    # The last one cannot come to its end.
    for delay, *stays in ((0.0,), (0.01,), (0.03,), (0.05,), (0.08, "stays")):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source), *stays],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        kills += process.communicate()[0] == ""
    assert kills
    whole = len(list_snapshots())

    assert whole == 5 - kills
    collected = collect_garbage()
    assert collected is not None
    left = [path for path in snapshots_folder().rglob("*") if path.is_file()]
    assert [path.name for path in left if "partial" in str(path)] == []
    assert whole or [path.name for path in left] == ["lock"]


def test_there_is_none_of_a_sandbox_that_ends_meanwhile(folder: Path) -> None:
    with pytest.raises(SnapshotError, match="ended before its files were kept"):
        take_snapshot(folder, NAMES, SUBJECT, "", lambda: False)
    assert list_snapshots() == []


def test_no_room_is_an_error_that_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "root" / "large").write_bytes(b"x" * 200_000)
    previous = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, previous[1]))
    try:
        with pytest.raises(SnapshotError, match=os.strerror(errno.EFBIG)):
            take(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, previous)
    assert list_snapshots() == []
    assert collect_garbage() == Garbage(0, 0)
    assert [path for path in snapshots_folder().rglob("*") if path.is_file()] == [
        snapshots_folder() / "lock"
    ]


TREES = st.recursive(
    st.one_of(st.binary(max_size=200), st.text("abc/.", min_size=1, max_size=9).map(Path)),
    lambda inner: st.dictionaries(
        st.binary(min_size=1, max_size=8).filter(
            lambda name: not set(name) & {0, 47} and name not in (b".", b"..")
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)


@given(tree=st.dictionaries(st.sampled_from([b"a", b"b", b"\xff"]), TREES, max_size=3))
def test_every_tree_comes_back(tree: dict[bytes, object], tmp_path_factory: object) -> None:
    assert isinstance(tmp_path_factory, pytest.TempPathFactory)
    folder, target = tmp_path_factory.mktemp("from"), tmp_path_factory.mktemp("to")
    (folder / "workspace").mkdir()
    _build(os.fsencode(folder / "root"), tree)

    restore(take(folder), target)

    assert everything(target) == everything(folder)


def _build(place: bytes, tree: object) -> None:
    if isinstance(tree, dict):
        os.mkdir(place)
        for name, inner in tree.items():
            _build(os.path.join(place, name), inner)
    elif isinstance(tree, Path):
        os.symlink(tree, place)
    else:
        assert isinstance(tree, bytes)
        Path(os.fsdecode(place)).write_bytes(tree)
