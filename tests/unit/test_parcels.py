"""What a folder holds, packed by one side and unpacked by another that does not trust it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_runtime.wire.beneath import FOLDER, LISTED, opened
from seer_runtime.wire.parcels import PIECE, Unpacker, pack, pack_bytes, parcels
from seer_runtime.wire.pb.runtime_pb2 import Entry, Parcel


class Target:
    """A folder that is unpacked into, with another one beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "target"
        self.beside = folder / "beside"
        self.folder.mkdir()
        self.beside.mkdir()
        self._root = os.open(self.folder, FOLDER)
        self.unpacker = Unpacker(self._root)

    def add(self, *entries: Entry) -> None:
        self.unpacker.add(Parcel(entries=entries))

    @property
    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def close(self) -> None:
        self.unpacker.close()
        os.close(self._root)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    target = Target(tmp_path)
    yield target
    target.close()
    assert list(target.beside.iterdir()) == []


def file(path: str, content: bytes = b"x", **fields: object) -> Entry:
    return Entry(path=path.encode(), content=content, mode=0o644, **fields)  # type: ignore[arg-type]


def link(path: str, to: str) -> Entry:
    return Entry(path=path.encode(), kind=Entry.LINK, content=to.encode())


@pytest.mark.parametrize(
    "path", ["../beside/x", "a/../../beside/x", "/tmp/x", "", ".", "..", "a/..", "a\0b", "./.."]
)
@pytest.mark.parametrize("kind", [Entry.FILE, Entry.FOLDER, Entry.LINK])
def test_a_path_that_leads_out_is_refused(
    target: Target, path: str, kind: Entry.Kind.ValueType
) -> None:
    with pytest.raises(OSError, match="outside of the folder"):
        target.add(Entry(path=path.encode(), kind=kind, content=b"x"))
    assert target.names == []


@pytest.mark.parametrize(
    "to", ["/etc/passwd", "..", "../beside", "a/../../beside", "a/..", "../../../etc", "/"]
)
def test_a_link_that_leads_out_is_refused(target: Target, to: str) -> None:
    with pytest.raises(OSError, match="leads out"):
        target.add(link("link", to))
    assert target.names == []


def test_what_lies_behind_a_link_is_not_written(target: Target) -> None:
    (target.folder / "out").symlink_to(target.beside)
    target.add(Entry(path=b"in", kind=Entry.FOLDER), link("inner", "in"))
    for path in ("out/file", "inner/file", "out/deep/file"):
        with pytest.raises(NotADirectoryError):
            target.add(file(path))
    assert target.names == ["in", "inner", "out"]


def test_a_file_takes_the_place_of_a_link_and_not_of_its_target(target: Target) -> None:
    (target.beside / "kept").write_text("kept")
    (target.folder / "link").symlink_to(target.beside / "kept")
    target.add(file("link", b"new"))

    assert (target.beside / "kept").read_text() == "kept"
    assert (target.folder / "link").read_bytes() == b"new"
    (target.beside / "kept").unlink()


def test_a_file_of_many_pieces_is_there_when_it_is_whole(target: Target) -> None:
    content = os.urandom(2 * PIECE + 5)
    *first, last = pack_bytes("deep/file", content)
    for piece in first:
        target.add(piece)
        assert not (target.folder / "deep" / "file").exists()
    target.add(last)

    assert (target.folder / "deep" / "file").read_bytes() == content
    assert target.names == ["deep", "deep/file"]


def test_a_file_that_is_broken_off_leaves_nothing(target: Target) -> None:
    target.add(file("half", continues=True))
    with pytest.raises(OSError, match="another file"):
        target.add(file("other"))
    target.unpacker.close()

    assert target.names == []


def test_special_bits_and_devices_do_not_cross(target: Target) -> None:
    target.add(Entry(path=b"file", content=b"x", mode=0o6755))
    assert stat.S_IMODE((target.folder / "file").stat().st_mode) == 0o755
    with pytest.raises(OSError, match="not a file"):
        target.add(Entry(path=b"odd", kind=Entry.OTHER))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_files_of_any_size_come_out_as_they_went_in(
    target: Target, tmp_path: Path, size: int
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    content = os.urandom(size)
    (source / "file").write_bytes(content)
    with opened(os.open(source, LISTED)) as folder:
        for parcel in parcels(pack(folder)):
            target.unpacker.add(parcel)

    assert (target.folder / "file").read_bytes() == content


def test_small_files_go_together_and_large_ones_in_pieces(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / str(number)).write_text("x")
    (tmp_path / "large").write_bytes(b"x" * (5 * PIECE))
    with opened(os.open(tmp_path, LISTED)) as folder:
        packed = list(parcels(pack(folder)))

    assert len(packed) < 12
    assert all(parcel.ByteSize() < 2 * PIECE + 100_000 for parcel in packed)
