"""Removing what a sandbox left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seer_rpc.backends.local.removal import remove_tree


def test_what_is_deep_or_closed_goes_and_what_links_lead_to_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    outside.chmod(0o555)
    folder = tmp_path / "folder"
    closed = folder / "closed" / "inside"
    closed.mkdir(parents=True)
    (closed / "file").write_text("")
    (closed / "link").symlink_to(outside, target_is_directory=True)
    (folder / "link").symlink_to(outside, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    _nest(folder, 1500)
    closed.chmod(0o500)
    closed.parent.chmod(0)

    remove_tree(str(folder))

    assert not folder.exists()
    assert (outside / "file").read_text() == "kept"
    assert outside.stat().st_mode & 0o777 == 0o555


def test_a_link_to_a_folder_is_not_the_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")

    remove_tree(str(tmp_path / "link"))
    remove_tree(str(tmp_path / "nothing"))

    assert (tmp_path / "folder").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_who_is_not_root_can_remove_what_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "closed" / "inside").mkdir(parents=True)
    (folder / "closed" / "inside" / "file").write_text("")
    for each in (tmp_path, folder, *folder.rglob("*")):
        os.chown(each, 1001, 1001)
    (folder / "closed" / "inside").chmod(0o500)
    (folder / "closed").chmod(0)
    child = os.fork()
    if child == 0:
        place = os.open(tmp_path, os.O_PATH)
        os.setresuid(1001, 1001, 1001)
        os.fchdir(place)
        remove_tree("folder")
        os._exit(0)
    os.waitpid(child, 0)

    assert not folder.exists()


def _nest(folder: Path, times: int) -> None:
    here = os.open(folder, os.O_DIRECTORY)
    for _ in range(times):
        os.mkdir("d", dir_fd=here)
        inside = os.open("d", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = inside
    os.close(here)
