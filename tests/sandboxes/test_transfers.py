"""Files and folders on their way between this machine and a sandbox."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.errors import SandboxError, SandboxFileError, SandboxFileNotFoundError
from tests.sandboxes.differences import skip_what_modal_is_not
from tests.sandboxes.places import shared_sandbox

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox in each place, for tests that do not mind what others have done in it."""
    with shared_sandbox(request, SandboxConfig()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, shared: Sandbox) -> Sandbox:
    """It, for tests that can be there."""
    if not shared._running().machine.is_here:
        skip_what_modal_is_not(request)
    return shared


@pytest.fixture
def folder(sandbox: Sandbox, request: pytest.FixtureRequest) -> str:
    """A folder of the test's own."""
    path = f"/workspace/{abs(hash(request.node.name))}"
    sandbox.ensure_dir(path)
    return path


def contents(folder: Path) -> dict[str, object]:
    """Give what a folder holds: bytes of files, targets of links."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """A folder with something of each kind."""
    folder = tmp_path / "varied"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "empty").touch()
    (folder / "odd\nname 'é' 😀").write_text("odd")
    (folder / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "deep" / "private").write_text("x")
    (folder / "deep" / "private").chmod(0o600)
    for size in (MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 5 * MEBIBYTE):
        (folder / "deep" / str(size)).write_bytes(os.urandom(size))
    (folder / "deep" / "link").symlink_to("../run.sh")
    (folder / "deep" / "folder link").symlink_to("er")
    (folder / "dangling").symlink_to("nowhere")
    return folder


@pytest.mark.on_gpus
def test_a_folder_goes_there_and_comes_back_as_it_was(
    sandbox: Sandbox, folder: str, varied: Path, tmp_path: Path
) -> None:
    sandbox.upload_dir(varied, f"{folder}/up")
    assert sandbox.exec("./run.sh", cwd=f"{folder}/up") == "ran\n"
    assert sandbox.exec("cat deep/link", cwd=f"{folder}/up").startswith("#!")

    back = sandbox.download(f"{folder}/up", tmp_path / "back")

    assert back == tmp_path / "back"
    assert contents(back) == contents(varied)
    assert (back / "run.sh").stat().st_mtime_ns == (varied / "run.sh").stat().st_mtime_ns


def test_a_folder_goes_to_one_of_its_name(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "file").write_text("x")
    sandbox.upload_dir(tmp_path / "project")
    sandbox.upload_file(tmp_path / "project" / "file")

    assert sandbox.read_file("/workspace/project/file") == "x"
    assert sandbox.read_file("/workspace/file") == "x"


def test_many_small_files_take_far_less_than_one_after_the_other(
    sandbox: Sandbox, folder: str, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    for number in range(3000):
        file = many / str(number % 50) / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))

    begun = time.monotonic()
    sandbox.upload_dir(many, folder)
    sandbox.download(folder, tmp_path / "back")
    took = time.monotonic() - begun

    assert contents(tmp_path / "back") == contents(many)
    begun = time.monotonic()
    for number in range(100):
        sandbox.write_file(f"{folder}/one", str(number))
        sandbox.read_file(f"{folder}/one")
    assert took < 30 * (time.monotonic() - begun) / 2


def test_a_file_comes_to_where_it_is_told(
    sandbox: Sandbox, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = os.urandom(3 * MEBIBYTE + 1)
    sandbox.write_file(f"{folder}/data.bin", data)
    (tmp_path / "into").mkdir()

    places = {
        sandbox.download(f"{folder}/data.bin"): Path("data.bin"),
        sandbox.download(f"{folder}/data.bin", "into"): Path("into/data.bin"),
        sandbox.download(f"{folder}/data.bin", "new/folders/named"): Path("new/folders/named"),
        sandbox.download(f"{folder}/data.bin", tmp_path / "a b"): tmp_path / "a b",
    }
    for got, expected in places.items():
        assert got == expected
        assert got.read_bytes() == data
    sandbox.write_file(f"{folder}/empty", "")
    assert sandbox.download(f"{folder}/empty").read_bytes() == b""


def test_an_empty_folder_comes_as_one(sandbox: Sandbox, folder: str, tmp_path: Path) -> None:
    sandbox.download(folder, tmp_path / "back")

    assert (tmp_path / "back").is_dir()
    assert contents(tmp_path / "back") == {}


def test_what_is_there_already_is_replaced_or_kept(
    sandbox: Sandbox, folder: str, tmp_path: Path
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "same").write_text("new")
    sandbox.write_file(f"{folder}/same", "old and longer")
    sandbox.write_file(f"{folder}/other", "kept")
    sandbox.upload_dir(local, folder)
    assert sandbox.read_file(f"{folder}/same") == "new"
    assert sandbox.read_file(f"{folder}/other") == "kept"

    (local / "mine").write_text("kept")
    sandbox.download(folder, local)
    assert sorted(contents(local)) == ["mine", "other", "same"]


@pytest.mark.parametrize(
    ("target", "inside"),
    [
        ("/etc/passwd", False),
        ("../outside", False),
        ("deep/../../outside", False),
        ("d/../x", False),
        ("..", False),
        ("deep", True),
        (".", True),
    ],
)
def test_links_are_carried_only_where_they_stay_inside(
    sandbox: Sandbox, folder: str, tmp_path: Path, target: str, inside: bool
) -> None:
    local = tmp_path / "local"
    (local / "deep").mkdir(parents=True)
    (local / "link").symlink_to(target)
    sandbox.exec(["ln", "-s", target, "link"], cwd=folder)

    if inside:
        sandbox.upload_dir(local, f"{folder}/up")
        sandbox.remove(f"{folder}/up")
        sandbox.download(folder, tmp_path / "down")
        assert os.readlink(tmp_path / "down" / "link") == target
        return
    with pytest.raises(SandboxError, match="link"):
        sandbox.upload_dir(local, f"{folder}/up")
    with pytest.raises(SandboxFileError, match="link"):
        sandbox.download(folder, tmp_path / "down")
    assert not (tmp_path / "down" / "link").is_symlink()


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_neither_file_nor_folder_is_not_carried(
    sandbox: Sandbox, folder: str, tmp_path: Path, kind: str
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "pipe":
            os.mkfifo(local / "odd")
        else:
            listening.bind(str(local / "odd"))
        with pytest.raises(SandboxError, match=r"odd.*not a file"):
            sandbox.upload_dir(local, f"{folder}/up")
    sandbox.exec("mkdir in; mkfifo in/odd", cwd=folder)
    with pytest.raises(SandboxFileError, match=r"in/odd.*not a file"):
        sandbox.download(folder, tmp_path / "down")


def test_no_link_of_the_target_is_followed(sandbox: Sandbox, folder: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (target / "sub").symlink_to(outside)
    sandbox.write_file(f"{folder}/sub/file", "x")

    with pytest.raises(SandboxError, match="sub"):
        sandbox.download(folder, target)
    assert contents(outside) == {}

    sandbox.exec("ln -s /tmp sub", cwd=f"{folder}/sub")
    with pytest.raises(SandboxError):
        sandbox.upload_dir(target.parent / "outside2", f"{folder}/sub")


def test_local_files_that_cannot_be_read_are_named(sandbox: Sandbox, tmp_path: Path) -> None:
    for use in (sandbox.upload_file, sandbox.upload_dir):
        with pytest.raises(SandboxError, match="missing"):
            use(tmp_path / "missing")
    with pytest.raises(SandboxError, match="Is a directory"):
        sandbox.upload_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SandboxError, match="not a file"):
        sandbox.upload_file(tmp_path / "pipe")


def test_what_cannot_be_written_here_is_named(
    sandbox: Sandbox, folder: str, tmp_path: Path
) -> None:
    sandbox.write_file(f"{folder}/file", "x")
    (tmp_path / "taken").write_text("kept")
    with pytest.raises(SandboxError, match="taken"):
        sandbox.download(folder, tmp_path / "taken")
    with pytest.raises(SandboxError, match="taken"):
        sandbox.download(f"{folder}/file", tmp_path / "taken" / "below")
    with pytest.raises(SandboxFileNotFoundError):
        sandbox.download(f"{folder}/nothing", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_upload_that_fails_on_the_way_leaves_no_half_file(
    sandbox: Sandbox, folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "a").write_bytes(b"x" * (3 * MEBIBYTE))
    (local / "z").symlink_to("/etc/passwd")

    with pytest.raises(SandboxError, match="z"):
        sandbox.upload_dir(local, folder)

    names = [info.path for info in sandbox.list_files(folder)]
    assert names in ([], [f"{folder}/a"])
    assert "Exception" not in capfd.readouterr().err


@pytest.mark.on_gpus
def test_a_config_brings_its_files_and_folders(backend: str, varied: Path) -> None:
    config = SandboxConfig(
        local_files=[
            (str(varied / "run.sh"), "/workspace/tools/run"),
            (str(varied / "empty"), "e"),
        ],
        local_dirs=[(str(varied), "/workspace/varied")],
    )
    with Sandbox(config, backend=backend) as sandbox:
        assert sandbox.exec("tools/run") == "ran\n"
        assert sandbox.read_file("/root/e") == ""
        assert sandbox.exec("varied/run.sh; readlink varied/dangling") == "ran\nnowhere\n"
