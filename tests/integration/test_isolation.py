"""What keeps sandboxes on this machine apart from it, and what they may use of it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.backends.local import groups, namespace
from seer_rpc.backends.local.folders import Folders
from seer_rpc.backends.local.levels import landlock_version
from seer_rpc.backends.protocol import IsolationLevel
from seer_rpc.client import Session
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    CommandError,
    ConfigError,
    IsolationError,
    RemoteError,
    SandboxLostError,
    SandboxStartError,
    WorkerDiedError,
)
from tests.pids import descendants, front_of, on_host, warden_of

WaitUntil = Callable[..., None]

ESCAPES = Path(__file__).with_name("escapes.py")
MIB = 1 << 20

TOOLS = """
import errno
import os
import signal
import subprocess
import sys
import time


@expose
def run(source: str):
    names = {}
    exec(source, names)
    return names.get("result")


@expose
def fill(path: str, mebibytes: int) -> str:
    try:
        with open(path, "wb") as file:
            for _ in range(mebibytes):
                file.write(b"x" * (1 << 20))
                file.flush()
    except OSError as error:
        return errno.errorcode[error.errno]
    return ""


@expose
def eat(mebibytes: int) -> int:
    return len([bytearray(b"x" * (1 << 20)) for _ in range(mebibytes)])


@expose
def fork(times: int) -> int:
    children = []
    try:
        for _ in range(times):
            child = os.fork()
            if child == 0:
                time.sleep(600)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children)


@expose
def hide() -> None:
    # In a session of its own, without a parent, and without the mark in its environment.
    script = "import os; os.fork() and os._exit(0); os.setsid(); " \\
        "os.execve(os.environ['EXE'], ['sleeper', '-c', 'import time; time.sleep(600)'], {})"
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "EXE": sys.executable})
    time.sleep(0.3)
"""


def levels() -> list[Any]:
    """Give every level, those that this machine does not have with a reason to be left out."""
    found = namespace.find_bubblewrap()
    missing = found.reason if isinstance(found, namespace.Problem) else ""
    marks = [pytest.mark.skipif(bool(missing) and not _is_ci(), reason=missing)]
    no_landlock = pytest.mark.skipif(not landlock_version(), reason="no Landlock")
    return [
        pytest.param("namespace", marks=marks),
        pytest.param("landlock", marks=no_landlock),
        "none",
    ]


def _is_ci() -> bool:
    return bool(os.environ.get("CI") or os.environ.get("SEER_CI"))


NAMESPACE, LANDLOCK, _ = levels()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[ScopedSandbox, Session]]]:
    """Start a sandbox with an interface to do things in it; gives both."""
    started: list[tuple[ScopedSandbox, Session]] = []

    def start_one(file: Path | None = None, **fields: Any) -> tuple[ScopedSandbox, Session]:
        if file is None:
            file = tmp_path / "tools.py"
            file.write_text(TOOLS)
        sandbox = ScopedSandbox(SandboxConfig(**fields)).start()
        session = Session(sandbox.connection(sandbox.serve(file).name))
        started.append((sandbox, session))
        return started[-1]

    yield start_one
    for sandbox, session in started:
        session.close()
        sandbox.terminate()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What there is to get at on this machine."""
    canary = secrets.token_hex(16)
    monkeypatch.setenv("CANARY", canary)
    secret = tmp_path / "secret"
    secret.write_text(canary)
    process = subprocess.Popen(["sleep", "600"], env={**os.environ, "CANARY": canary})
    with (
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as lying,
        socket.create_server(("127.0.0.1", 0)) as port,
        tempfile.NamedTemporaryFile(dir="/tmp", prefix="seer-escape-") as temporary,
    ):
        abstract.bind(f"\0seer-{canary}")
        lying.bind(f"{temporary.name}.sock")
        for server in (abstract, lying):
            server.listen()
        for server in (abstract, lying, port):
            threading.Thread(target=_greet, args=(server,), daemon=True).start()
        yield {
            "canary": canary,
            "secret": str(secret),
            "checkout": str(Path(__file__).parent),
            "state": str(Path(os.environ["XDG_STATE_HOME"]) / "seer" / "sandboxes"),
            "temporary": temporary.name,
            "pid": str(process.pid),
            "abstract": f"seer-{canary}",
            "socket": f"{temporary.name}.sock",
            "port": str(port.getsockname()[1]),
        }
    Path(f"{temporary.name}.sock").unlink()
    process.kill()
    process.wait()


def _greet(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"welcome")


def escapes(session: Session, host: dict[str, str]) -> dict[str, str]:
    """Try every way out; give those that lead out."""
    names = session.call("attempts", [], {})
    assert len(names) >= 40
    tried = {name: session.call("attempt", [name, host], {}) for name in names}
    return {name: got for name, got in tried.items() if got}


# Ways out.


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_no_way_leads_out_of_a_namespace(
    start: Callable[..., tuple[ScopedSandbox, Session]], host: dict[str, str], isolation: str
) -> None:
    sandbox, session = start(ESCAPES, isolation=isolation, block_network=True)

    assert escapes(session, host) == {}
    assert sandbox.isolation.level == "namespace"


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_with_the_network_open_ports_of_the_host_are_all_that_can_be_reached(
    start: Callable[..., tuple[ScopedSandbox, Session]], host: dict[str, str], isolation: str
) -> None:
    _, session = start(ESCAPES, isolation=isolation)

    assert escapes(session, host) == {"talks_to_a_port_of_the_host": "b'welcome'"}


@pytest.mark.parametrize("isolation", [LANDLOCK])
def test_no_way_leads_out_behind_landlock(
    start: Callable[..., tuple[ScopedSandbox, Session]], host: dict[str, str], isolation: str
) -> None:
    if landlock_version() < 6:
        pytest.skip("this kernel's Landlock knows neither signals nor abstract sockets")
    _, session = start(ESCAPES, isolation=isolation, block_network=True)
    found = escapes(session, host)

    # It is the same user, with nothing that only root may do; sockets are no files to Landlock.
    assert found.keys() <= {"becomes_root", "talks_to_a_socket_file_of_the_host"}


def test_without_isolation_the_same_ways_lead_out(
    start: Callable[..., tuple[ScopedSandbox, Session]], host: dict[str, str]
) -> None:
    _, session = start(ESCAPES, isolation="none")
    found = escapes(session, host)

    assert found["reads_a_file_of_the_user"] == host["canary"]
    assert {
        "lists_the_checkout",
        "lists_other_sandboxes",
        "sees_environments_of_the_host",
        "sees_processes_of_the_host",
        "signals_a_process_of_the_host",
        "talks_to_an_abstract_socket_of_the_host",
        "talks_to_a_port_of_the_host",
        "talks_to_a_socket_file_of_the_host",
        "talks_to_the_kernel_about_networks",
        "traces",
        "reads_memory_of_others",
        "clones_in_the_new_way",
    } <= found.keys()


# The traps.


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_the_first_process_tells_nothing_of_the_host(
    start: Callable[..., tuple[ScopedSandbox, Session]],
    monkeypatch: pytest.MonkeyPatch,
    isolation: str,
) -> None:
    monkeypatch.setenv("CANARY", "a secret of this process")
    sandbox, session = start(isolation=isolation, env={"GIVEN": "to the sandbox"})
    outside = Path(f"/proc/{on_host(sandbox, 1)}/environ").read_bytes()
    seen = """
        import os
        result = {name: open(f"/proc/{name}/cmdline").read() for name in os.listdir("/proc")
                  if name.isdecimal()}
    """
    commands = session.call("run", [textwrap.dedent(seen)], {})

    assert outside == b""
    assert set(commands) == {
        "1",
        "2",
        str(session.call("run", ["import os; result = os.getpid()"], {})),
    }
    assert not any(os.environ["XDG_STATE_HOME"] in each for each in commands.values())
    variables = session.call("run", ["import os; result = dict(os.environ)"], {})
    assert "CANARY" not in variables
    assert variables["GIVEN"] == "to the sandbox"


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_what_is_the_sandboxs_own_is_real_and_all_else_is_read_only(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    sandbox, session = start(isolation=isolation)
    source = """
        import os
        result = {}
        for folder in ("/root", "/workspace", "/models", "/tmp", "/dev/shm", "/", "/etc", "/dev",
                       "/usr", "/run", "/opt", "/opt/seer", "/sys", "/home", "/var"):
            try:
                open(f"{folder}/probe", "x").close()
                result[folder] = "written"
            except OSError as error:
                result[folder] = os.strerror(error.errno)
    """
    found = session.call("run", [textwrap.dedent(source)], {})

    written = {folder for folder, said in found.items() if said == "written"}
    assert written == {"/root", "/workspace", "/models", "/tmp", "/dev/shm"}
    assert set(found.values()) <= {"written", "Read-only file system", "No such file or directory"}
    assert sandbox.isolation.paths
    assert session.call("run", ["import ssl, ctypes, sqlite3; result = ssl.OPENSSL_VERSION"], {})


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_the_standard_streams_name_no_file_of_the_host(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    _, session = start(isolation=isolation)
    source = """
        import os
        result = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
    """
    streams = session.call("run", [textwrap.dedent(source)], {})
    with pytest.raises(RemoteError, match="Permission denied"):
        session.call("run", ["import os; os.readlink('/proc/2/fd/0')"], {})

    assert all(each.startswith(("pipe:", "/dev/null")) for each in streams), streams


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_the_first_process_cannot_be_killed_from_inside(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    _, session = start(isolation=isolation)
    with contextlib.suppress(RemoteError):
        session.call("run", ["import os; os.kill(1, 9)"], {})

    assert session.call("run", ["result = 1"], {}) == 1


def test_a_link_where_something_is_to_be_mounted_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folders = Folders(secrets.token_hex(8))
    folders.create()
    request.addfinalizer(folders.remove)
    (folders.all / "root" / "link").symlink_to(tmp_path)

    folders.make_mount_point("/root/deep/er", is_folder=True)
    assert (folders.all / "root" / "deep" / "er").is_dir()
    for path in ("/root/link", "/root/link/below"):
        with pytest.raises(SandboxStartError, match="needed"):
            folders.make_mount_point(path, is_folder=True)
    assert list(tmp_path.iterdir()) == []


# Limits.


@pytest.mark.parametrize("isolation", levels())
def test_processes_are_counted(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    _, session = start(isolation=isolation, processes=60)

    assert 10 < session.call("fork", [500], {}) < 60


@pytest.mark.parametrize("isolation", levels())
def test_a_worker_that_takes_too_much_memory_is_told_of_it(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    sandbox, session = start(isolation=isolation, memory=300)
    assert session.call("eat", [100], {}) == 100

    with pytest.raises(WorkerDiedError, match="killed for want of memory") as caught:
        session.call("eat", [600], {})
    assert "300 MiB" in caught.value.message
    with pytest.raises(WorkerDiedError, match="SIGKILL") as caught:
        session.call("run", ["import os; os.kill(os.getpid(), 9)"], {})
    assert "memory" not in caught.value.message
    assert sandbox.isolation.memory in ("kernel", "watched")


@pytest.mark.parametrize("isolation", levels())
def test_a_command_that_takes_too_much_memory_is_told_of_it(isolation: IsolationLevel) -> None:
    with Sandbox(SandboxConfig(isolation=isolation, memory=300)) as sandbox:
        with pytest.raises(CommandError, match="killed for want of memory") as caught:
            sandbox.exec("python3 -c 'x = bytearray(600 << 20); import time; time.sleep(600)'")
        assert "300 MiB" in caught.value.message
        with pytest.raises(CommandError, match="SIGKILL"):
            sandbox.exec(["sh", "-c", "kill -9 $$"])


@pytest.mark.parametrize("isolation", levels())
def test_memory_is_watched_where_the_kernel_has_no_groups(
    start: Callable[..., tuple[ScopedSandbox, Session]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    isolation: str,
) -> None:
    (tmp_path / "mounts").write_text("")
    monkeypatch.setattr(groups, "_MOUNTS", tmp_path / "mounts")
    sandbox, session = start(isolation=isolation, memory=300)

    assert sandbox.isolation.memory == "watched"
    with pytest.raises(WorkerDiedError, match="killed for want of memory"):
        session.call(
            "run",
            ["x = [bytearray(b'x' * (1 << 20)) for _ in range(600)]; import time; time.sleep(600)"],
            {},
        )


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_memory_in_files_is_bounded(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    _, session = start(isolation=isolation, memory=200)

    for folder in ("/tmp", "/dev/shm"):
        assert session.call("fill", [f"{folder}/large", 300], {}) == "ENOSPC"
        session.call("run", [f"import os; os.unlink('{folder}/large')"], {})


BEYOND = """
import errno
result = ""
try:
    with open("FILE", "wb") as file:
        file.seek(25 << 20)
        file.write(b"x")
except OSError as error:
    result = errno.errorcode[error.errno]
"""


@pytest.mark.parametrize("isolation", levels())
def test_files_beyond_the_limit_end_the_sandbox(
    start: Callable[..., tuple[ScopedSandbox, Session]], wait_until: WaitUntil, isolation: str
) -> None:
    sandbox, session = start(isolation=isolation, disk=20)
    home = session.call("run", ["import os; result = os.path.expanduser('~')"], {})
    assert session.call("run", [BEYOND.replace("FILE", f"{home}/far")], {}) == "EFBIG"
    assert session.call("fill", [f"{home}/one", 15], {}) == ""
    # It may be ended before the call is.
    with contextlib.suppress(SandboxLostError):
        session.call("fill", [f"{home}/two", 15], {})
    wait_until(lambda: session.lost is not None)

    with pytest.raises(SandboxLostError, match="files took more than 20 MiB"):
        session.call("run", ["result = 1"], {})
    assert "files took more than 20 MiB" in sandbox.rpc_logs()


def test_nothing_of_the_kernels_is_left_behind(
    start: Callable[..., tuple[ScopedSandbox, Session]], wait_until: WaitUntil
) -> None:
    sandbox, _ = start(memory=500, processes=100)
    made = sandbox._run.machine._groups  # type: ignore[union-attr]
    assert all(each.is_dir() for each in made.folders)
    sandbox.terminate()

    wait_until(lambda: not any(each.exists() for each in made.folders))
    # Others may mount what they like meanwhile.
    assert sandbox.sandbox_id not in Path("/proc/self/mounts").read_text()


# Ends.

OWNER = """
import sys, time
from pathlib import Path
from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox

sandbox = ScopedSandbox(SandboxConfig(isolation=sys.argv[1])).start()
session = Session(sandbox.connection(sandbox.serve(sys.argv[2]).name))
session.call("hide", [], {})
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("isolation", levels())
def test_an_owner_that_is_killed_takes_everything_with_it(
    tmp_path: Path, wait_until: WaitUntil, isolation: str
) -> None:
    tools, script, state = tmp_path / "tools.py", tmp_path / "owner.py", tmp_path / "state"
    tools.write_text(TOOLS)
    script.write_text(OWNER)
    owner = subprocess.Popen(
        [sys.executable, str(script), isolation, str(tools)],
        env={**os.environ, "XDG_STATE_HOME": str(state)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "ready\n"
    family = {pid: os.pidfd_open(pid) for pid in descendants(owner.pid)}
    assert len(family) >= 4

    owner.kill()
    owner.communicate()

    wait_until(lambda: not any(map(_lives, family)))
    wait_until(lambda: not list((state / "seer" / "sandboxes").iterdir()))
    for descriptor in family.values():
        os.close(descriptor)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("isolation", levels())
def test_what_hides_ends_with_its_sandbox(
    start: Callable[..., tuple[ScopedSandbox, Session]], wait_until: WaitUntil, isolation: str
) -> None:
    sandbox, session = start(isolation=isolation)
    before = set(descendants(warden_of(sandbox)))
    session.call("hide", [], {})
    hidden = set(descendants(warden_of(sandbox))) - before
    assert len(hidden) == 1

    sandbox.terminate()

    wait_until(lambda: not any(map(_lives, hidden)))


@pytest.mark.parametrize("isolation", levels())
def test_a_front_that_is_stopped_does_not_outlive_its_time(
    start: Callable[..., tuple[ScopedSandbox, Session]], wait_until: WaitUntil, isolation: str
) -> None:
    sandbox, session = start(isolation=isolation, timeout=4)
    front = front_of(sandbox)
    os.kill(front, signal.SIGSTOP)

    wait_until(lambda: not _lives(front))
    wait_until(lambda: session.lost is not None)
    with pytest.raises(SandboxLostError, match="beyond its lifetime of 4 s"):
        session.call("run", ["result = 1"], {})


@pytest.mark.parametrize("isolation", levels())
def test_a_sandbox_whose_warden_dies_dies_too(
    start: Callable[..., tuple[ScopedSandbox, Session]], wait_until: WaitUntil, isolation: str
) -> None:
    sandbox, _ = start(isolation=isolation)
    family = descendants(warden_of(sandbox))
    os.kill(warden_of(sandbox), signal.SIGKILL)

    wait_until(lambda: not any(map(_lives, family)))


# Levels.

LEVEL = """
import json, sys, warnings
from seer_rpc.environment import SandboxConfig, ScopedSandbox

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    levels = []
    for _ in range(2):
        with ScopedSandbox(SandboxConfig()) as sandbox:
            levels.append(sandbox.isolation.level)
print(json.dumps([levels, [str(each.message) for each in caught]]))
"""


def test_what_is_missing_is_said_once_and_the_next_level_is_taken(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(LEVEL)
    finished = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    found, said = json.loads(finished.stdout)

    expected = "landlock" if landlock_version() else "none"
    assert found == [expected, expected]
    (warning,) = [each for each in said if "isolated" in each]
    assert "bubblewrap is not installed" in warning
    assert "apt install bubblewrap" in warning


def test_a_level_that_is_named_is_had_or_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    namespace.find_bubblewrap.cache_clear()
    try:
        with pytest.raises(IsolationError, match="not installed") as caught:
            ScopedSandbox(SandboxConfig(isolation="namespace")).start()
        assert "apt install bubblewrap" in caught.value.hint
    finally:
        namespace.find_bubblewrap.cache_clear()
    assert not list((Path(os.environ["XDG_STATE_HOME"]) / "seer").glob("sandboxes/*"))


def test_bubblewrap_that_does_not_work_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    namespace.find_bubblewrap.cache_clear()
    try:
        with pytest.raises(
            IsolationError, match="No permissions to create new namespace"
        ) as caught:
            ScopedSandbox(SandboxConfig(isolation="namespace")).start()
        assert "user namespaces" in caught.value.hint or "sysctl" in caught.value.hint
    finally:
        namespace.find_bubblewrap.cache_clear()


def test_no_network_needs_isolation() -> None:
    with pytest.raises(IsolationError, match="block_network"):
        ScopedSandbox(SandboxConfig(isolation="none", block_network=True)).start()
    with pytest.raises(ConfigError, match="listen"):
        ScopedSandbox(SandboxConfig(listen="127.0.0.1:0", tls="off", block_network=True)).start()


@pytest.mark.parametrize("isolation", [NAMESPACE])
def test_a_sandbox_in_a_sandbox_has_a_level_too(
    start: Callable[..., tuple[ScopedSandbox, Session]], isolation: str
) -> None:
    _, session = start(isolation=isolation)
    source = """
        import warnings
        from seer_rpc.backends.local import levels
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = levels._best_level()
    """

    assert session.call("run", [textwrap.dedent(source)], {}) in ("landlock", "none")
