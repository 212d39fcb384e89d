"""Files in a sandbox: written, read, listed and removed, and nothing beyond them."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.errors import (
    ConfigError,
    SandboxError,
    SandboxFileError,
    SandboxFileNotFoundError,
    SandboxFileSizeError,
    SandboxIsADirectoryError,
    SandboxNotADirectoryError,
    SandboxPermissionError,
)
from tests.sandboxes.differences import skip_what_modal_is_not
from tests.sandboxes.places import shared_sandbox

MEBIBYTE = 1 << 20
NAMES = [
    "plain.txt",
    "with space.txt",
    "new\nline",
    "tab\tand 'quotes' \"too\"",
    "-rf",
    "é中😀",
    "$HOME `id` ;*?",
    "x" * 255,
    "dot.",
    "back\\slash",
]


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


@pytest.mark.parametrize("name", NAMES)
def test_text_comes_back_as_it_was(sandbox: Sandbox, folder: str, name: str) -> None:
    text = "one\r\ntwo\n\n✨ é\t\x00end"
    sandbox.write_file(f"{folder}/{name}", text)

    assert sandbox.read_file(f"{folder}/{name}") == text
    assert [info.path for info in sandbox.list_files(folder)] == [f"{folder}/{name}"]
    assert sandbox.exec(["cat", "--", name], cwd=folder) == text
    sandbox.remove(f"{folder}/{name}")
    assert sandbox.list_files(folder) == []


@pytest.mark.on_gpus
@pytest.mark.parametrize("size", [0, 1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 50 * MEBIBYTE])
def test_bytes_come_back_as_they_were(sandbox: Sandbox, folder: str, size: int) -> None:
    data = os.urandom(size)
    sandbox.write_file(f"{folder}/data", data)

    assert sandbox.read_bytes(f"{folder}/data") == data


@pytest.mark.on_gpus
def test_relative_paths_begin_at_the_workspace(sandbox: Sandbox) -> None:
    sandbox.write_file("beside.txt", "x")

    assert sandbox.read_file("/workspace/beside.txt") == "x"
    assert sandbox.exec("cat beside.txt") == "x"
    assert sandbox.read_file("./beside.txt") == "x"


def test_the_home_and_the_workspace_are_the_sandboxes_own(sandbox: Sandbox) -> None:
    sandbox.write_file("/root/of_mine", "x")

    assert sandbox.exec("cat ~/of_mine") == "x"
    assert not Path("/root/of_mine").exists()


@pytest.mark.on_gpus
def test_folders_are_made_where_need_be(sandbox: Sandbox, folder: str) -> None:
    sandbox.write_file(f"{folder}/a/b/c/file", "x")
    sandbox.ensure_dir(f"{folder}/a/b/d/e")
    sandbox.ensure_dir(f"{folder}/a/b/d/e")

    assert sandbox.exec("find . | sort", cwd=folder).split() == [
        ".", "./a", "./a/b", "./a/b/c", "./a/b/c/file", "./a/b/d", "./a/b/d/e",
    ]  # fmt: skip
    sandbox.ensure_dir("/".join([folder, *["deep"] * 700]))


def test_what_is_written_takes_the_place_of_what_was_there(sandbox: Sandbox, folder: str) -> None:
    path = f"{folder}/file"
    sandbox.write_file(path, "long content")
    sandbox.exec(["chmod", "750", path.rpartition("/")[2]], cwd=folder)
    sandbox.write_file(path, "new")

    assert sandbox.read_file(path) == "new"
    assert sandbox.list_files(folder)[0].mode == 0o750


def test_nobody_reads_half_a_file(sandbox: Sandbox, folder: str) -> None:
    path = f"{folder}/file"
    versions = [b"a" * (3 * MEBIBYTE), b"b" * (5 * MEBIBYTE)]
    sandbox.write_file(path, versions[0])
    over = threading.Event()

    def write() -> None:
        for number in range(20):
            sandbox.write_file(path, versions[number % 2])
        over.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not over.is_set():
        assert sandbox.read_bytes(path) in versions
    thread.join()
    assert [info.path for info in sandbox.list_files(folder)] == [path]


def test_reads_can_be_bounded(sandbox: Sandbox, folder: str) -> None:
    sandbox.write_file(f"{folder}/large", b"x" * (20 * MEBIBYTE))

    with pytest.raises(SandboxFileSizeError, match="1048576 bytes") as caught:
        sandbox.read_bytes(f"{folder}/large", max_bytes=MEBIBYTE)
    assert caught.value.path == f"{folder}/large"
    assert len(sandbox.read_bytes(f"{folder}/large", max_bytes=20 * MEBIBYTE)) == 20 * MEBIBYTE


def test_a_file_that_is_no_text_is_not_read_as_such(sandbox: Sandbox, folder: str) -> None:
    sandbox.write_file(f"{folder}/data", b"\xc3\x28")

    with pytest.raises(UnicodeDecodeError):
        sandbox.read_file(f"{folder}/data")
    with pytest.raises(ConfigError, match="text or bytes"):
        sandbox.write_file(f"{folder}/data", 3)  # type: ignore[arg-type]


@pytest.mark.on_gpus
def test_lists_say_what_there_is(sandbox: Sandbox, folder: str) -> None:
    sandbox.write_file(f"{folder}/b/file", "12345")
    sandbox.write_file(f"{folder}/a", "")
    sandbox.exec("ln -s b link; mkfifo pipe; chmod 640 a", cwd=folder)

    infos = {info.path.removeprefix(f"{folder}/"): info for info in sandbox.list_files(folder)}
    assert list(infos) == ["a", "b", "link", "pipe"]
    assert [info.kind for info in infos.values()] == ["file", "folder", "link", "other"]
    assert infos["a"].mode == 0o640
    assert infos["a"].size == 0
    assert abs((datetime.now(UTC) - infos["a"].modified).total_seconds()) < 60

    every = sandbox.list_files(folder, recursive=True)
    names = [info.path.removeprefix(f"{folder}/") for info in every]
    # The link is not followed.
    assert names == ["a", "b", "b/file", "link", "pipe"]
    assert next(info for info in every if info.path.endswith("b/file")).size == 5


def test_many_files_are_listed(sandbox: Sandbox, folder: str) -> None:
    sandbox.exec("seq 1 5000 | xargs touch", cwd=folder)

    assert len(sandbox.list_files(folder)) == 5000


@pytest.mark.on_gpus
def test_removing_a_folder_takes_what_is_in_it_and_no_more(sandbox: Sandbox, folder: str) -> None:
    sandbox.write_file(f"{folder}/kept/file", "x")
    sandbox.write_file(f"{folder}/gone/deep/file", "x")
    sandbox.exec("ln -s ../kept gone/link; ln -s kept linked", cwd=folder)

    sandbox.remove(f"{folder}/gone")
    sandbox.remove(f"{folder}/linked")

    assert [info.path for info in sandbox.list_files(folder)] == [f"{folder}/kept"]
    assert sandbox.read_file(f"{folder}/kept/file") == "x"
    with pytest.raises(SandboxFileNotFoundError):
        sandbox.remove(f"{folder}/gone")
    sandbox.remove(f"{folder}/gone", missing_ok=True)


@pytest.mark.parametrize("path", ["/workspace", "/root", "/workspace/", "."])
def test_the_sandboxes_own_folders_stay(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(SandboxPermissionError):
        sandbox.remove(path)
    assert sandbox.exec("pwd")


def every_use(sandbox: Sandbox, path: str, local: Path) -> dict[str, Callable[[], object]]:
    """The ways to use a path."""
    return {
        "read": lambda: sandbox.read_bytes(path),
        "write": lambda: sandbox.write_file(path, "written"),
        "list": lambda: sandbox.list_files(path),
        "make": lambda: sandbox.ensure_dir(path),
        "remove": lambda: sandbox.remove(path),
        "download": lambda: sandbox.download(path, local / "down"),
        "upload": lambda: sandbox.upload_file(local / "up", path),
        "upload a folder": lambda: sandbox.upload_dir(local, path),
    }


@pytest.mark.on_gpus
def test_a_missing_file_is_an_error_of_its_own(
    sandbox: Sandbox, folder: str, tmp_path: Path
) -> None:
    path = f"{folder}/no\nthing"
    for use in ("read", "list", "remove", "download"):
        with pytest.raises(SandboxFileNotFoundError) as caught:
            every_use(sandbox, path, tmp_path)[use]()
        assert isinstance(caught.value, FileNotFoundError)
        assert isinstance(caught.value, SandboxError)
        assert caught.value.path == caught.value.filename == path
        assert caught.value.errno == 2
        assert repr(path) in str(caught.value)


def test_a_folder_is_no_file_and_a_file_no_folder(
    sandbox: Sandbox, folder: str, tmp_path: Path
) -> None:
    (tmp_path / "up").write_text("x")
    for use in ("read", "write", "upload"):
        with pytest.raises(SandboxIsADirectoryError) as folder_error:
            every_use(sandbox, folder, tmp_path)[use]()
        assert isinstance(folder_error.value, IsADirectoryError)
        assert folder_error.value.path == folder
    sandbox.write_file(f"{folder}/file", "x")
    for use in ("list", "make", "upload a folder"):
        with pytest.raises(SandboxNotADirectoryError) as file_error:
            every_use(sandbox, f"{folder}/file", tmp_path)[use]()
        assert isinstance(file_error.value, NotADirectoryError)
    with pytest.raises(SandboxNotADirectoryError):
        sandbox.write_file(f"{folder}/file/below", "x")
    with pytest.raises(SandboxNotADirectoryError):
        sandbox.read_file(f"{folder}/file/below")


def test_what_the_sandboxes_user_may_not_is_refused(sandbox: Sandbox, folder: str) -> None:
    if sandbox.exec("id -u").strip() == "0":
        pytest.skip("root may do everything")
    sandbox.write_file(f"{folder}/file", "kept")
    sandbox.exec("chmod 400 file", cwd=folder)
    with pytest.raises(SandboxPermissionError) as caught:
        sandbox.write_file(f"{folder}/file", "x")
    assert isinstance(caught.value, PermissionError)
    assert caught.value.path == f"{folder}/file"
    sandbox.exec("chmod 200 file", cwd=folder)
    with pytest.raises(SandboxPermissionError):
        sandbox.read_file(f"{folder}/file")


@pytest.mark.parametrize("path", ["a\0b", "/", "..", ".", "../..", "x" * 300, "a/" * 5000])
def test_paths_that_cannot_be_are_errors(sandbox: Sandbox, path: str, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("x")
    uses = every_use(sandbox, path, tmp_path)
    for use in ("read", "write", "remove", "upload"):
        with pytest.raises(SandboxFileError):
            uses[use]()
    assert sandbox.exec("echo alive") == "alive\n"


CANARY = "bytes of the host"


class Trap:
    """A place of the host that nothing in the sandbox may lead to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "secret"
        self.file.write_text(CANARY)

    @property
    def is_untouched(self) -> bool:
        return (
            self.file.read_text() == CANARY
            and [each.name for each in self.folder.iterdir()] == ["secret"]
            and stat.S_IMODE(self.folder.stat().st_mode) == 0o755
        )


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    folder = tmp_path / "host"
    folder.mkdir(mode=0o755)
    return Trap(folder)


# What an agent may lay in its own folders, by shell code. HOST is a folder of the host; each gives
# the path by which its file `secret` would be reached.
TRAPS = {
    "a link to the file": ("ln -s HOST/secret link", "link"),
    "a link to its folder": ("ln -s HOST link", "link/secret"),
    "a relative link": ("ln -s ../../../../../../../../../../../../..HOST link", "link/secret"),
    "a link to a link": ("ln -s HOST one; ln -s one two; ln -s two link", "link/secret"),
    "dots": (":", "../../../../../../../../../../../../..HOST/secret"),
    "dots behind a folder": ("mkdir d", "d/../../../../../../../../../../../../..HOST/secret"),
    "dots behind a link": ("ln -s . d", "d/../../../../../../../../../../../../..HOST/secret"),
    "a magic link": ("ln -s /proc/self/root link", "linkHOST/secret"),
    "a magic link to a folder": ("ln -s /proc/1/cwd link", "link/..HOST/secret"),
    "a descriptor": ("ln -s /proc/self/fd link", "link/0"),
}


@pytest.mark.parametrize("name", TRAPS)
def test_nothing_leads_to_the_host(
    sandbox: Sandbox, folder: str, tmp_path: Path, trap: Trap, name: str
) -> None:
    code, path = (text.replace("HOST", str(trap.folder)) for text in TRAPS[name])
    sandbox.exec(code, cwd=folder)
    local = tmp_path / "local"
    local.mkdir()
    (local / "up").write_text("x")

    for use in every_use(sandbox, f"{folder}/{path}", local).values():
        try:
            got = use()
        except SandboxError:
            continue
        assert CANARY not in str(got)
        down = local / "down"
        assert not down.is_file() or down.read_text() != CANARY
    assert trap.is_untouched


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/root/etc/shadow"])
def test_files_of_the_host_are_not_the_sandboxes(sandbox: Sandbox, path: str) -> None:
    try:
        content = sandbox.read_bytes(path)
    except SandboxError:
        return
    assert not Path(path).exists() or content != Path(path).read_bytes()


def test_to_write_over_a_link_leaves_its_target(sandbox: Sandbox, folder: str, trap: Trap) -> None:
    sandbox.exec(["ln", "-s", str(trap.file), "link"], cwd=folder)
    sandbox.exec("ln -s kept inner; echo kept > kept", cwd=folder)

    sandbox.write_file(f"{folder}/link", "mine")
    sandbox.write_file(f"{folder}/inner", "mine")

    assert trap.is_untouched
    assert sandbox.read_file(f"{folder}/link") == "mine"
    assert sandbox.read_file(f"{folder}/kept") == "kept\n"


def test_to_write_over_a_hard_link_leaves_the_other_name(
    sandbox: Sandbox, folder: str, trap: Trap
) -> None:
    if not sandbox.run(["ln", str(trap.file), "linked"], cwd=folder).ok:
        pytest.skip("the sandbox cannot make hard links to the host's files")

    sandbox.write_file(f"{folder}/linked", "mine")

    assert trap.is_untouched


@pytest.mark.on_gpus
def test_links_that_stay_inside_are_followed(sandbox: Sandbox, folder: str) -> None:
    sandbox.write_file(f"{folder}/a/file", "x")
    sandbox.exec("ln -s a/file link; ln -s ../a a/again", cwd=folder)

    assert sandbox.read_file(f"{folder}/link") == "x"
    assert sandbox.read_file(f"{folder}/a/again/file") == "x"
    assert [info.path for info in sandbox.list_files(f"{folder}/a/again")] == [
        f"{folder}/a/again/again",
        f"{folder}/a/again/file",
    ]


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "link to a device", "loop"])
def test_what_is_no_file_keeps_nobody_waiting(
    sandbox: Sandbox, folder: str, tmp_path: Path, kind: str
) -> None:
    made = {
        "pipe": "mkfifo odd",
        "device": "mknod odd c 1 5",
        "socket": "python -c \"import socket; socket.socket(socket.AF_UNIX).bind('odd')\"",
        "link to a device": "ln -s /dev/zero odd",
        "loop": "ln -s odd odd",
    }
    if not sandbox.run(made[kind], cwd=folder).ok:
        pytest.skip("the sandbox cannot make one")
    (tmp_path / "up").write_text("x")
    uses = every_use(sandbox, f"{folder}/odd", tmp_path)
    replaces = kind in ("link to a device", "loop")

    for use in ("read", "list", "make", "download", *(() if replaces else ("write", "upload"))):
        with pytest.raises(SandboxFileError):
            uses[use]()
    sandbox.remove(f"{folder}/odd")
    assert sandbox.list_files(folder) == []


def test_a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere(
    sandbox: Sandbox, folder: str, trap: Trap
) -> None:
    swap = f"""
import os, shutil, time
end = time.monotonic() + 2
while time.monotonic() < end:
    try:
        os.mkdir("d")
        os.rename("d", "gone")
        os.symlink({str(trap.folder)!r}, "d")
        os.unlink("d")
    except OSError:
        pass
    for name in ("gone", "d"):
        shutil.rmtree(name, ignore_errors=True)
        os.path.islink(name) and os.unlink(name)
"""
    uses: list[Callable[[], object]] = [
        lambda: sandbox.write_file(f"{folder}/d/secret", "overwritten"),
        lambda: sandbox.write_file(f"{folder}/d/new", "new"),
        lambda: sandbox.ensure_dir(f"{folder}/d/made"),
        lambda: sandbox.remove(f"{folder}/d/secret"),
    ]
    swapping = threading.Thread(target=sandbox.exec_python, args=(swap,), kwargs={"cwd": folder})
    swapping.start()
    while swapping.is_alive():
        for use in uses:
            with contextlib.suppress(SandboxError):
                use()
        with contextlib.suppress(SandboxError):
            assert sandbox.read_file(f"{folder}/d/secret") != CANARY
    swapping.join()
    assert trap.is_untouched


def test_a_listening_socket_of_the_host_is_out_of_reach(
    sandbox: Sandbox, folder: str, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        sandbox.exec(["ln", "-s", str(tmp_path / "s"), "link"], cwd=folder)
        with pytest.raises(SandboxFileError):
            sandbox.read_file(f"{folder}/link")
