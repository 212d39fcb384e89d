"""Opening below a folder, by the kernel's own means and, where it has none, step by step."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_runtime.wire import beneath
from seer_runtime.wire.beneath import FOLDER, READ, make_folder, open_beneath, opened
from tests.descriptors import Descriptors


@pytest.fixture(params=["kernel", "steps"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """A folder with a secret beside it, opened."""
    if request.param == "steps":
        monkeypatch.setattr(sys, "platform", "other")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "root" / "deep" / "er" / "file").write_text("content")
    with opened(os.open(tmp_path / "root", FOLDER)) as folder:
        yield folder


def read(root: int, path: str) -> str:
    with opened(open_beneath(root, path, READ)) as file:
        return os.read(file, 100).decode()


@pytest.mark.parametrize("path", ["deep/er/file", "./deep//er/./file"])
def test_what_is_below_is_opened(root: int, path: str) -> None:
    assert read(root, path) == "content"


def test_the_folder_itself_is_opened(root: int) -> None:
    with opened(open_beneath(root, ".", FOLDER)) as folder:
        assert os.listdir(f"/proc/self/fd/{folder}") == ["deep"]


@pytest.mark.parametrize(
    "path", ["../secret", "deep/../../secret", "/etc/passwd", "out", "up", "folder/secret", "magic"]
)
def test_nothing_else_is(root: int, tmp_path: Path, path: str) -> None:
    (tmp_path / "root" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "up").symlink_to("../secret")
    (tmp_path / "root" / "folder").symlink_to(tmp_path)
    (tmp_path / "root" / "magic").symlink_to("/proc/self/exe")

    with pytest.raises(OSError, match="Errno") as caught:
        read(root, path)
    assert caught.value.errno in (errno.EXDEV, errno.ELOOP, errno.ENOTDIR)


def test_links_inside_are_followed_where_the_kernel_watches(root: int, tmp_path: Path) -> None:
    (tmp_path / "root" / "link").symlink_to("deep/er/file")
    if sys.platform == "linux":
        assert read(root, "link") == "content"
    else:
        with pytest.raises(OSError, match="symbolic links"):
            read(root, "link")
    with pytest.raises(OSError, match="symbolic links"):
        open_beneath(root, "link", READ, follows_links=False)


@pytest.mark.parametrize("path", ["nothing", "deep/nothing/at all"])
def test_what_is_missing_is_missing(root: int, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        read(root, path)


def test_a_system_without_the_call_goes_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beneath, "_OPENAT2", 100_000)
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    with opened(os.open(tmp_path, FOLDER)) as root:
        assert read(root, "file") == "content"
        with pytest.raises(OSError, match="symbolic links"):
            read(root, "link")


def test_opening_leaves_no_descriptor_behind(root: int, tmp_path: Path) -> None:
    (tmp_path / "root" / "out").symlink_to(tmp_path)
    descriptors = Descriptors()
    for _ in range(20):
        read(root, "deep/er/file")
        for path in ("out/secret", "../secret", "deep/nothing", "deep/er/file/x"):
            with pytest.raises(OSError, match="Errno"):
                read(root, path)

    assert descriptors.new(str(tmp_path)) == []


def test_a_folder_is_made_unless_something_else_is_there(root: int, tmp_path: Path) -> None:
    os.close(make_folder(root, "new"))
    os.close(make_folder(root, "new"))
    assert (tmp_path / "root" / "new").is_dir()
    (tmp_path / "root" / "file").touch()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(NotADirectoryError):
            make_folder(root, name)
