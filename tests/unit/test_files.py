"""Files that are there whole, or not at all."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from seer_rpc.files import whole_file, write_whole


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
            all_open.wait(10)
            stream.write(b"content")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert file.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [file]
