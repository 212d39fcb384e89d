"""What code in a sandbox does on purpose, to this machine, to its clients and to its own limits."""

from __future__ import annotations

import contextlib
import glob
import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.backends.local import groups
from seer_rpc.backends.protocol import IsolationLevel
from seer_rpc.client import Session
from seer_rpc.client.control import Control
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import SandboxError, SandboxLostError, SessionError
from tests.integration.test_isolation import LANDLOCK, NAMESPACE, levels

WaitUntil = Callable[..., None]

SLEEPER = "-c", "import time; time.sleep(300)"


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes that end with the test."""
    started: list[Sandbox] = []

    def start_one(**fields: Any) -> Sandbox:
        started.append(Sandbox(SandboxConfig(**fields)).start())
        return started[-1]

    yield start_one
    for sandbox in started:
        sandbox.terminate()


def folder_of(sandbox: Sandbox) -> Path:
    assert sandbox._run is not None
    return sandbox._run.machine.folder()


def others_with(word: str) -> list[int]:
    """Give the processes whose arguments hold a word, but for those that have ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and word.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


# What there is to read.

READ_MEMORY = r"""
import os, re
found = set()
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        lines = open(f"/proc/{pid}/maps").read().splitlines()
        memory = open(f"/proc/{pid}/mem", "rb", 0)
    except OSError:
        continue
    for line in lines:
        begin, end = (int(each, 16) for each in line.split()[0].split("-"))
        try:
            memory.seek(begin)
            found.update(re.findall(rb"Bearer [A-Za-z0-9_-]{43}", memory.read(end - begin)))
        except (OSError, ValueError, OverflowError):
            continue
print(found)
"""


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_the_fronts_memory_cannot_be_read(
    start: Callable[..., Sandbox], isolation: IsolationLevel
) -> None:
    assert start(isolation=isolation).exec_python(READ_MEMORY) == "set()\n"


@pytest.mark.parametrize("isolation", levels())
def test_keys_whose_names_look_harmless_stay_outside(
    start: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch, isolation: IsolationLevel
) -> None:
    monkeypatch.setenv("NVIDIA_API_KEY", "a-secret")
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", "0")

    printed = start(isolation=isolation).exec("env")

    assert "a-secret" not in printed
    assert "NVIDIA_VISIBLE_DEVICES=0" in printed


SEES = """
import sys
from seer_rpc.environment import Sandbox, SandboxConfig
with Sandbox(SandboxConfig(isolation=sys.argv[1])) as sandbox:
    print(sandbox.run(["cat", sys.argv[2]]).exit_code)
"""


@pytest.mark.parametrize("isolation", [NAMESPACE, LANDLOCK])
def test_what_the_users_path_of_modules_leads_to_is_not_in_sight(
    tmp_path: Path, isolation: IsolationLevel
) -> None:
    (tmp_path / ".env").write_text("KEY=secret")
    path = os.pathsep.join([*filter(None, sys.path), str(tmp_path)])
    finished = subprocess.run(
        [sys.executable, "-c", SEES, isolation, str(tmp_path / ".env")],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert finished.stdout.strip() == "1"


@pytest.mark.parametrize("isolation", [LANDLOCK])
def test_the_users_terminals_are_out_of_reach(
    start: Callable[..., Sandbox], isolation: IsolationLevel
) -> None:
    near, far = pty.openpty()
    try:
        result = start(isolation=isolation).run(f"echo gotcha > {os.ttyname(far)}")
        os.set_blocking(near, False)
        with pytest.raises(BlockingIOError):
            os.read(near, 100)
    finally:
        os.close(near)
        os.close(far)
    assert "Permission denied" in result.stderr


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_a_front_runs_nothing_that_a_snapshot_brings(
    tmp_path: Path, isolation: IsolationLevel
) -> None:
    python = tmp_path / "theirs" / "bin" / "python"
    make = [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages"]
    subprocess.run([*make, str(tmp_path / "theirs")], check=True)
    packages = next((tmp_path / "theirs" / "lib").glob("python*/site-packages"))
    (packages / "ours.pth").write_text("\n".join(filter(None, sys.path)) + "\n")
    finished = subprocess.run(
        [str(python), "-c", PLANTS, isolation], stdout=subprocess.PIPE, text=True, check=True
    )

    assert finished.stdout == "['planted', 'only that']\n"


PLANTS = """
import sys
from seer_rpc.environment import Sandbox, SandboxConfig
config = SandboxConfig(isolation=sys.argv[1])
folder = f"/root/.local/lib/python3.{sys.version_info.minor}/site-packages"
with Sandbox(config) as sandbox:
    sandbox.write_file("/root/ran", "planted")
    sandbox.write_file(f"{folder}/x.pth", "import os; open('/root/ran', 'w').write('ran')\\n")
    snapshot = sandbox.snapshot()
with Sandbox.from_snapshot(snapshot, config) as sandbox:
    print([sandbox.read_file("/root/ran"), "only that"])
"""


# What clients do for it.


@pytest.fixture
def host_socket(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A socket of the user's, and what it was sent."""
    got: list[bytes] = []
    path = f"/tmp/seer-host-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def take() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    got.append(connection.recv(100))

        threading.Thread(target=take, daemon=True).start()
        yield path, got
        server.shutdown(socket.SHUT_RDWR)
    os.unlink(path)


@pytest.mark.parametrize("isolation", levels())
def test_links_in_the_place_of_sockets_lead_nowhere(
    tmp_path: Path, host_socket: tuple[str, list[bytes]], isolation: IsolationLevel
) -> None:
    path, got = host_socket
    tools = tmp_path / "tools.py"
    tools.write_text("@expose\ndef one() -> int:\n    return 1\n")
    with ScopedSandbox(SandboxConfig(isolation=isolation)) as sandbox:
        served = sandbox.serve(tools)
        assert sandbox._run is not None
        run = sandbox._run.machine.folder() / "run"
        seen = "/run/seer" if isolation == "namespace" else str(run)
        names = [each.name for each in run.iterdir() if each.is_socket()]
        assert {"front.sock", "door"} <= set(names)
        sandbox.exec(
            f"cd {seen} && rm {' '.join(names)} && for each in {' '.join(names)}; do "
            f"ln -s {path} $each; done"
        )

        with pytest.raises(SandboxLostError), Session(sandbox.connection(served.name)) as late:
            late.call("one", [], {})
        with pytest.raises(SessionError, match="no socket"):
            Control(sandbox._run.machine.connection("", "token"))
        # Whoever was connected still is.
        assert sandbox.exec("echo here") == "here\n"
    assert got == []


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_a_journal_without_an_end_is_read_all_the_same(
    tmp_path: Path, isolation: IsolationLevel
) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text("@expose\ndef one() -> int:\n    return 1\n")
    with ScopedSandbox(SandboxConfig(isolation=isolation)) as sandbox:
        with Session(sandbox.connection(sandbox.serve(tools).name)) as session:
            session.call("one", [], {})
            time.sleep(0.5)
        sandbox.exec("truncate -s 400G /run/seer/journal")

        assert [each.function for each in sandbox.calls()] == ["one"]


# What it goes on to do.

# Each process is over as soon as the next one is there: who looks at them one by one comes late.
MOVES_ON = """
import os, sys, time
os.setsid()
for _ in range(1_000_000):
    if os.fork():
        os._exit(0)
"""


@pytest.mark.parametrize("has_groups", [True, False])
@pytest.mark.parametrize("isolation", levels())
def test_what_moves_from_process_to_process_ends_with_its_sandbox(
    start: Callable[..., Sandbox],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    isolation: IsolationLevel,
    has_groups: bool,
) -> None:
    if not has_groups:
        (tmp_path / "mounts").write_text("")
        monkeypatch.setattr(groups, "_MOUNTS", tmp_path / "mounts")
    sandbox = start(isolation=isolation)
    word = f"moves-on-{sandbox.sandbox_id}"
    command = f'env -i {sys.executable} -c "$CODE" {word} >/dev/null 2>&1 & sleep 1'
    sandbox.exec(command, env={"CODE": MOVES_ON})

    sandbox.terminate()

    assert not any(others_with(word) for _ in range(10))


@pytest.mark.parametrize("isolation", levels())
def test_files_that_hold_nothing_fill_the_disk_too(
    start: Callable[..., Sandbox], isolation: IsolationLevel, wait_until: WaitUntil
) -> None:
    sandbox = start(isolation=isolation, disk=20)
    # It may be ended before the command is.
    with contextlib.suppress(SandboxLostError):
        sandbox.exec_python("for i in range(8000): open(f'empty{i}', 'w').close()")

    wait_until(lambda: (folder_of(sandbox) / "ended").exists())
    with pytest.raises(SandboxLostError, match="files took more than 20 MiB"):
        sandbox.exec("true")


@pytest.mark.parametrize("isolation", [LANDLOCK])
def test_temporary_files_fill_the_disk_too(
    start: Callable[..., Sandbox], isolation: IsolationLevel, wait_until: WaitUntil
) -> None:
    sandbox = start(isolation=isolation, disk=20)
    with contextlib.suppress(SandboxLostError):
        sandbox.exec("for i in 1 2 3; do head -c 10M /dev/zero > $TMPDIR/$i; done")

    wait_until(lambda: (folder_of(sandbox) / "ended").exists())


@pytest.mark.parametrize("isolation", levels())
def test_folders_of_any_depth_are_removed(
    start: Callable[..., Sandbox], isolation: IsolationLevel
) -> None:
    sandbox = start(isolation=isolation)
    deep = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')\nopen('f', 'w').close()"
    sandbox.exec_python(deep)
    folder = folder_of(sandbox)

    sandbox.terminate()

    assert not folder.exists()


# Starts and owners.


def test_two_threads_that_start_a_sandbox_start_one() -> None:
    sandbox = Sandbox(SandboxConfig(isolation="none"))
    threads = [threading.Thread(target=sandbox.start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with sandbox:
        assert sandbox.exec("echo one") == "one\n"


def test_a_fork_of_the_owner_is_told_that_the_sandbox_is_not_its_own(
    start: Callable[..., Sandbox],
) -> None:
    sandbox = start(isolation="none")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sandbox.exec("true")
        except SandboxError as error:
            os.write(writing, str(error).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as said:
        assert "a forked process cannot use" in said.read()
    os.waitpid(child, 0)
    assert sandbox.exec("echo here") == "here\n"


BREAKS_OFF = """
import os, signal, sys
from seer_rpc.backends.local import machine
from seer_rpc.environment import Sandbox, SandboxConfig
machine.make_venv = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sandbox = Sandbox(SandboxConfig(isolation=sys.argv[1], memory=500))
print(sandbox.sandbox_id, flush=True)
sandbox.start()
"""


@pytest.mark.parametrize("isolation", levels())
def test_an_owner_that_is_killed_during_a_start_leaves_nothing(
    tmp_path: Path, wait_until: WaitUntil, isolation: IsolationLevel
) -> None:
    long = tmp_path / ("long" * 30)
    owner = subprocess.run(
        [sys.executable, "-c", BREAKS_OFF, isolation],
        env={**os.environ, "XDG_STATE_HOME": str(long)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert owner.returncode == -9
    name = owner.stdout.strip()
    assert len(name) == 16

    def left() -> list[str]:
        places = f"/sys/fs/cgroup/**/seer-{name}", f"/tmp/seer-{name}", f"{long}/**/{name}"
        return [each for place in places for each in glob.glob(place, recursive=True)]

    wait_until(lambda: not left())


@pytest.mark.parametrize("isolation", levels())
def test_what_hides_ends_when_its_owner_stops_it_though_the_warden_is_dead(
    start: Callable[..., Sandbox], wait_until: WaitUntil, isolation: IsolationLevel
) -> None:
    sandbox = start(isolation=isolation)
    assert sandbox._run is not None
    if "pids" not in sandbox._run.machine._groups.controllers:  # type: ignore[attr-defined]
        pytest.skip("there are no control groups here")
    word = f"hides-{sandbox.sandbox_id}"
    code = SLEEPER[1]
    sandbox.exec(f"env -i setsid {sys.executable} -c '{code}' {word} >/dev/null 2>&1 & sleep 0.5")
    wait_until(lambda: others_with(word))
    os.kill(sandbox._run.machine._process.pid, 9)  # type: ignore[attr-defined]

    sandbox.terminate()

    wait_until(lambda: not others_with(word))


@pytest.mark.parametrize("isolation", levels())
def test_long_paths_of_temporary_files_are_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: IsolationLevel
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(long))
    monkeypatch.setattr("tempfile.tempdir", str(long))

    with Sandbox(SandboxConfig(isolation=isolation)) as sandbox:
        assert sandbox.exec("echo here") == "here\n"
        short = (folder_of(sandbox) / "run").readlink().parent
        assert short.exists()
    assert not short.exists()


def test_a_little_of_a_processor_is_not_all_of_it(start: Callable[..., Sandbox]) -> None:
    made = groups.make_groups("seer-little", SandboxConfig(cpus=0.005).limits)
    try:
        if "cpu" not in made.controllers:
            pytest.skip("there are no control groups for processors here")
        shares = [each for place in made.folders for each in place.glob("cpu*")]
        texts = {each.name: each.read_text().split() for each in shares if "stat" not in each.name}
        quota = texts.get("cpu.max") or texts["cpu.cfs_quota_us"] + texts["cpu.cfs_period_us"]
        assert int(quota[0]) / int(quota[1]) == pytest.approx(0.005)
    finally:
        made.remove()
