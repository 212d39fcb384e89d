"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from seer_rpc.files import remove_old, whole_file, write_whole

DAY = 24 * 3600.0


def test_a_file_is_its_owners_alone_unless_told_otherwise(tmp_path: Path) -> None:
    write_whole(tmp_path / "private", b"x")
    write_whole(tmp_path / "public", b"x", 0o644)

    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) & 0o400


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")

    def fail() -> None:
        with whole_file(file) as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_threads_may_write_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    all_open = Barrier(4)

    def write(_: int) -> None:
        with whole_file(file) as stream:
            all_open.wait(60)
            stream.write(b"content")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert file.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [file]


def test_what_nothing_wrote_to_for_a_week_goes_and_nothing_else_does(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("another's")
    folder = tmp_path / "results"
    for name in ("new", "old", "needed", "old-folder/inside", "new-folder/inside"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (folder / "old-link").symlink_to(elsewhere)
    now = time.time()
    for name in ("old", "needed", "old-folder", "old-link"):
        os.utime(folder / name, (now, now - 8 * DAY), follow_symlinks=False)
    for name in ("new", "new-folder"):
        os.utime(folder / name, (now, now - 6 * DAY))

    remove_old(folder, lambda file: file.name == "needed")
    assert {each.name for each in folder.iterdir()} == {"new", "needed", "new-folder"}
    assert elsewhere.exists()


def test_files_that_vanish_while_they_are_looked_at_disturb_nobody(tmp_path: Path) -> None:
    remove_old(tmp_path / "nowhere")
    old = time.time() - 8 * DAY
    for number in range(300):
        (tmp_path / str(number)).touch()
        os.utime(tmp_path / str(number), (old, old))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(remove_old, [tmp_path] * 4))
    assert list(tmp_path.iterdir()) == []
