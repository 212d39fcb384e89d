"""Sandboxes on Modal, by way of its real client and the emulation of its service."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.modal_emulator.requirements import require_modal

require_modal()

import modal  # noqa: E402
from grpclib import Status  # noqa: E402

from seer_rpc import progress  # noqa: E402
from seer_rpc.backends.modal import creation, definition  # noqa: E402
from seer_rpc.backends.modal.observation import THREAD  # noqa: E402
from seer_rpc.cli import main  # noqa: E402
from seer_rpc.client import Connection, Session  # noqa: E402
from seer_rpc.client.control import Control  # noqa: E402
from seer_rpc.client.credentials import open_channel  # noqa: E402
from seer_rpc.environment import RepoConfig, Sandbox, SandboxConfig, ScopedSandbox  # noqa: E402
from seer_rpc.environment.records import remove_snapshot  # noqa: E402
from seer_rpc.errors import (  # noqa: E402
    AuthenticationError,
    BackendCredentialsError,
    BackendError,
    BackendVersionError,
    CapacityError,
    ConfigError,
    PackageInstallError,
    SandboxError,
    SandboxExpiredError,
    SandboxLostError,
    SandboxStartError,
    TunnelError,
)
from seer_rpc.registry import all_sandboxes, running_sandboxes  # noqa: E402
from seer_rpc.snapshots import list_snapshots  # noqa: E402
from seer_rpc.workspace import Workspace  # noqa: E402
from seer_runtime.wire.settings import SETTINGS, Settings  # noqa: E402
from tests.modal_emulator.faults import Fault  # noqa: E402

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator

pytestmark = pytest.mark.usefixtures("modal_emulator")

_DOUBLE = """
    import os

    @expose
    def double(number: int) -> int:
        print("doubling", number)
        return 2 * number

    @expose
    def die() -> None:
        os._exit(3)
"""

Start = Callable[..., Sandbox]


@pytest.fixture(params=[None, "H100"], ids=["V2", "V1"])
def gpu(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The GPUs, which decide between the two kinds of sandboxes."""
    return {} if request.param is None else {"gpu": request.param, "gpu_count": 2}


@pytest.fixture
def start(gpu: dict[str, Any]) -> Iterator[Start]:
    """Start a sandbox of the kind that the test is run for."""
    started: list[Sandbox] = []

    def start_one(**fields: Any) -> Sandbox:
        sandbox = Sandbox(SandboxConfig(**gpu, **fields), backend="modal")
        started.append(sandbox)
        return sandbox.start()

    yield start_one
    for sandbox in started:
        sandbox.terminate()


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Run Python in a process of its own; gives what it prints."""

    def run(source: str) -> str:
        command = [sys.executable, "-c", source]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run


one_kind = pytest.mark.parametrize("gpu", [None], indirect=True, ids=["V2"])
"""For what is the same for both kinds of sandboxes."""


def only(emulator: ModalEmulator) -> Any:
    """Give the one sandbox that runs."""
    (running,) = emulator.running
    return running


def test_commands_and_files(modal_emulator: ModalEmulator, start: Start, tmp_path: Path) -> None:
    sandbox = start(env={"COLOUR": "blue"})

    assert sandbox.exec("echo $COLOUR; pwd; ls -d /models") == "blue\n/workspace\n/models\n"
    sandbox.write_file("notes.txt", "kept")
    assert sandbox.exec("cat /workspace/notes.txt") == "kept"
    (tmp_path / "up").write_bytes(os.urandom(1 << 20))
    sandbox.upload_file(tmp_path / "up", "/root/up")
    sandbox.download("/root/up", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == (tmp_path / "up").read_bytes()
    assert [record.id for record in running_sandboxes()] == [sandbox.sandbox_id]
    sandbox.terminate()
    assert not modal_emulator.running
    assert not all_sandboxes()


def test_an_interface_is_served(gpu: dict[str, Any], write: Callable[..., Path]) -> None:
    config = SandboxConfig(**gpu)
    with ScopedSandbox(config, backend="modal") as scoped:
        library = scoped.serve(write(_DOUBLE))
        with Session(library.connection) as session:
            assert session.call("double", [21], {}) == 42
        assert scoped.rpc_logs().endswith("doubling 21")
        (call,) = scoped.calls(function="double")
        assert call.outcome == "ok"
        with Session(scoped.network_connection("tools")) as session:
            assert session.call("double", [4], {}) == 8


def test_what_modal_is_asked_for(
    modal_emulator: ModalEmulator, start: Start, gpu: dict[str, Any]
) -> None:
    sandbox = start(
        env={"PASSWORD": "swordfish"},
        python_packages=["einops==0.8.1"],
        system_packages=["git"],
        memory=2048,
        cpus=1.5,
        timeout=300,
        idle_timeout=900,
    )
    asked = only(modal_emulator)
    request = asked.definition

    assert asked.is_v2 is (not gpu)
    assert request.resources.gpu_config.count == (2 if gpu else 0)
    assert list(request.entrypoint_args) == ["python", "-P", "-m", "seer_runtime"]
    assert request.timeout_secs == 360
    assert request.idle_timeout_secs == 360
    assert request.resources.milli_cpu == 1500
    assert request.resources.memory_mb == 2048
    assert asked.tags == {"seer-rpc": sandbox.sandbox_id}
    layers = "\n".join(asked.image.layers)
    assert layers.index("apt-get install -y git") < layers.index("msgpack==")
    assert layers.index("msgpack==") < layers.index("einops==0.8.1")
    settings = Settings.from_json(asked.environment[SETTINGS])
    libraries = "/root/libraries:/opt/seer"
    assert settings.environment == {"PASSWORD": "swordfish", "PYTHONPATH": libraries}
    assert sandbox.run("env | grep -e SEER_SETTINGS -e GRPC_").stdout == ""
    assert "swordfish" not in modal_emulator.log.transcript()
    assert settings.call_token_digest not in modal_emulator.log.transcript()


def test_what_is_not_limited_has_room_nevertheless(
    modal_emulator: ModalEmulator, start: Start, gpu: dict[str, Any]
) -> None:
    start()
    request = only(modal_emulator).definition

    assert request.resources.milli_cpu == (16_000 if gpu else 2_000)
    assert request.resources.memory_mb == (32_768 if gpu else 4_096)
    assert (request.timeout_secs, request.idle_timeout_secs) == (3660, 3660)


@one_kind
def test_a_second_start_builds_nothing(modal_emulator: ModalEmulator, start: Start) -> None:
    start().terminate()
    images = len(modal_emulator.images.images)

    start(env={"A": "1"}, timeout=60)

    assert len(modal_emulator.images.images) == images


def test_only_a_good_token_opens_anything(start: Start) -> None:
    sandbox = start()
    (record,) = all_sandboxes()
    wrong = Control(Connection("", record.endpoint, "wrong"))
    with pytest.raises(AuthenticationError, match="a valid token is needed"):
        wrong.stop()
    wrong.close()
    with pytest.raises(AuthenticationError, match="a valid token is needed"):
        Session(Connection("tools", record.endpoint, "wrong"))

    given = [None, "", "Bearer", f"Bearer {record.call_token[:-1]}"]
    with open_channel(Connection("", record.endpoint, "")) as channel:
        for method in (
            "seer.v1.Runtime/Stop",
            "seer.v1.Workbench/Remove",
            "grpc.health.v1.Health/Check",
        ):
            for token in given:
                metadata = [("authorization", token)] if token is not None else None
                call: Any = channel.unary_unary(f"/{method}")
                with pytest.raises(grpc.RpcError) as caught:
                    call(b"", metadata=metadata, timeout=20)
                assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED

    assert sandbox.exec("echo on") == "on\n"


# How it ends.


def test_a_runtime_that_dies_says_so(gpu: dict[str, Any], write: Callable[..., Path]) -> None:
    killed = 128 + signal.SIGKILL
    with ScopedSandbox(SandboxConfig(**gpu), backend="modal") as scoped:
        session = Session(scoped.serve(write(_DOUBLE)).connection)
        session.call("double", [21], {})
        with pytest.raises(SandboxLostError):
            scoped.run("pkill -KILL -f 'seer_runtime$'")

        with pytest.raises(SandboxLostError) as caught:
            wait_for_error(scoped)
        assert caught.value.exit_code == scoped.modal_sandbox.poll() == killed
        assert caught.value.log[-1].endswith("doubling 21")
        assert scoped.rpc_logs().endswith("doubling 21")
        with pytest.raises(SandboxLostError) as told:
            session.call("double", [21], {})
        assert (told.value.exit_code, told.value.log) == (killed, caught.value.log)


def test_modal_ends_one_that_cannot_end_itself(
    modal_emulator: ModalEmulator, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition, "_SLACK", 1)
    sandbox = start(timeout=2)
    sandbox.modal_sandbox.exec("pkill", "-STOP", "-f", "seer_runtime$").wait()

    with pytest.raises(SandboxExpiredError, match="Modal ended it") as caught:
        wait_for_error(sandbox)
    assert caught.value.exit_code == 124
    assert not modal_emulator.running


def test_the_end_of_its_time_is_an_error_of_its_own(
    modal_emulator: ModalEmulator, start: Start
) -> None:
    sandbox = start(timeout=5)

    with pytest.raises(SandboxExpiredError, match="end of its lifetime of 5 s"):
        wait_for_error(sandbox)
    assert not modal_emulator.running


def test_an_end_that_fails_can_be_asked_for_again(
    modal_emulator: ModalEmulator, gpu: dict[str, Any]
) -> None:
    sandbox = Sandbox(SandboxConfig(**gpu), backend="modal").start()
    for method in ("SandboxTerminate", "SandboxTerminateV2"):
        modal_emulator.faults.plan(method, Fault(Status.PERMISSION_DENIED))
    # Its runtime cannot end by itself, either.
    sandbox.modal_sandbox.exec("pkill", "-STOP", "-f", "seer_runtime$").wait()
    with pytest.raises(SandboxError, match="does not say that it has ended"):
        sandbox.terminate()
    assert len(modal_emulator.running) == len(all_sandboxes()) == 1

    sandbox.terminate()

    assert not modal_emulator.running
    assert not all_sandboxes()


def test_a_lost_machine(modal_emulator: ModalEmulator, start: Start) -> None:
    sandbox = start()
    modal_emulator.lose(only(modal_emulator).id)

    with pytest.raises(SandboxLostError):
        wait_for_error(sandbox)


def test_the_sandbox_of_a_killed_owner_ends_by_itself(
    modal_emulator: ModalEmulator, run_python: Callable[..., str], wait_until: Callable[..., None]
) -> None:
    source = """if True:
        import os, signal
        from seer_rpc.backends.modal import definition
        from seer_rpc.environment import Sandbox, SandboxConfig
        definition._UNOWNED = 2
        sandbox = Sandbox(SandboxConfig(), backend="modal").start()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with pytest.raises(subprocess.CalledProcessError):
        run_python(source)

    left = only(modal_emulator)
    wait_until(lambda: left.result is not None, seconds=60)
    assert left.result is not None
    assert left.result.exitcode == 0


@one_kind
def test_one_that_is_to_outlive_its_owner_may_work_without_a_connection(
    modal_emulator: ModalEmulator, start: Start
) -> None:
    start(detach=True, idle_timeout=30, timeout=1000)

    # Modal would not see that a call runs whose client has left; the front does.
    assert only(modal_emulator).definition.idle_timeout_secs == 1060


def wait_for_error(sandbox: Sandbox | ScopedSandbox) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # While it ends, what asks it fails in ways of its own.
        sandbox._running()
        time.sleep(0.05)


# What keeps it from starting.


def test_a_layer_that_cannot_be_built(modal_emulator: ModalEmulator, start: Start) -> None:
    modal_emulator.images.broken["einops"] = "no such package: einops"

    with pytest.raises(PackageInstallError, match="einops"):
        start(python_packages=["einops"])
    assert not all_sandboxes()


def test_no_capacity_is_asked_for_again(
    modal_emulator: ModalEmulator, start: Start, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(creation, "_PAUSES", (0.1, 0.1))
    modal_emulator.faults.exhausted(method, "no H100 left", times=2)

    assert start().exec("echo on") == "on\n"

    modal_emulator.faults.exhausted(method, "no H100 left", times=3)
    with pytest.raises(CapacityError, match="no H100 left") as caught:
        start()
    assert "gpu=" in caught.value.hint
    assert len(modal_emulator.running) == 1


@pytest.fixture
def method(gpu: dict[str, Any]) -> str:
    """The call that creates a sandbox."""
    return "SandboxCreate" if gpu else "SandboxCreateV2"


def test_a_machine_that_does_not_come_is_given_up(
    modal_emulator: ModalEmulator,
    start: Start,
    gpu: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(creation, "_SCHEDULE", 1.0)
    monkeypatch.setattr(progress, "_FIRST_NOTE", 0.2)
    monkeypatch.setattr(progress, "_NEXT_NOTE", 0.2)
    modal_emulator.schedule_after(8.0)

    with pytest.raises(CapacityError, match="within 1 s"):
        start()
    assert f"waiting for a machine{' with H100:2' * bool(gpu)}\n" in capsys.readouterr().err
    deadline = time.monotonic() + 60
    while modal_emulator.running:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not all_sandboxes()


def test_a_lost_answer_makes_no_second_sandbox(
    modal_emulator: ModalEmulator, start: Start, method: str
) -> None:
    modal_emulator.faults.drop(method)

    assert start().exec("echo on") == "on\n"
    assert len(modal_emulator.sandboxes) == 1


def test_a_runtime_that_ends_at_once_leaves_nothing(
    modal_emulator: ModalEmulator, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seer_rpc.backends.modal.definition._COMMAND", ("python", "-c", "1 / 0"))

    with pytest.raises(SandboxStartError, match="ended") as caught:
        start()
    assert caught.value.log[-1].startswith("ZeroDivisionError")
    assert caught.value.exit_code == 1
    assert not modal_emulator.running


def test_wrong_credentials(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-wrong")

    with pytest.raises(BackendCredentialsError, match="does not take") as caught:
        start()
    assert "modal token new" in caught.value.hint


def test_no_credentials(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODAL_TOKEN_SECRET")

    with pytest.raises(BackendCredentialsError, match="MODAL_TOKEN_SECRET") as caught:
        start()
    assert "modal token new" in caught.value.hint


@pytest.mark.parametrize("version", ["1.5.4", "1.6.3", "1.7.0", "2.0.0"])
def test_a_client_of_another_version(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: version)

    with pytest.raises(BackendVersionError, match=version) as caught:
        Sandbox(SandboxConfig(), backend="modal").start()
    assert "seer-rpc[modal]" in caught.value.hint


def test_no_client(run_python: Callable[..., str]) -> None:
    source = """if True:
        import importlib.metadata, sys
        real = importlib.metadata.version
        def version(name):
            if name == "modal":
                raise importlib.metadata.PackageNotFoundError(name)
            return real(name)
        importlib.metadata.version = version
        sys.modules["modal"] = None
        from seer_rpc.environment import Sandbox, SandboxConfig
        from seer_rpc.errors import BackendVersionError
        try:
            Sandbox(SandboxConfig(), backend="modal").start()
        except BackendVersionError as error:
            print(error.hint)
    """
    assert run_python(source).strip() == "pip install 'seer-rpc[modal]'"


def test_a_tunnel_for_http1_is_no_way_to_a_sandbox() -> None:
    app = modal.App.lookup("tests", create_if_missing=True)
    sandbox = modal.Sandbox.create("sleep", "30", app=app, encrypted_ports=[50_051])
    tunnel = sandbox.tunnels()[50_051]
    control = Control(Connection("", f"https://{tunnel.host}:{tunnel.port}", "token"))

    with pytest.raises(TunnelError, match="does not speak HTTP/2") as caught:
        control.stop()
    control.close()
    assert "h2_ports" in caught.value.hint


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"timeout": 100_000}, "24 h at most"),
        ({"isolation": "none"}, "a machine of its own"),
        ({"disk": 100}, "disk="),
        ({"processes": 100}, "processes="),
        ({"env": {"LARGE": "x" * 200_000}}, "200"),
    ],
)
def test_what_there_is_not_on_modal(
    modal_emulator: ModalEmulator, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Sandbox(SandboxConfig(**fields), backend="modal").start()
    assert caught.value.hint
    assert not modal_emulator.sandboxes
    assert not all_sandboxes()


# From elsewhere, and afterwards.


def seer(*arguments: str) -> str:
    """Run the command; gives what it prints."""
    printed = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(printed, write_through=True)):
        try:
            main(list(arguments))
        except SystemExit as ended:
            if ended.code:
                raise
        return printed.getvalue().decode()


@pytest.fixture
def left(gpu: dict[str, Any], run_python: Callable[..., str], write: Callable[..., Path]) -> str:
    """A sandbox that outlives its owner, and serves an interface; its id."""
    source = f"""if True:
        from seer_rpc.client import Session
        from seer_rpc.environment import ScopedSandbox, SandboxConfig
        config = SandboxConfig(detach=True, **{gpu!r})
        scoped = ScopedSandbox(config, backend="modal").start(name="left")
        with Session(scoped.serve({str(write(_DOUBLE))!r}).connection) as session:
            session.call("double", [5], {{}})
        print(scoped.sandbox_id)
    """
    return run_python(source).strip()


def test_another_process_goes_on(modal_emulator: ModalEmulator, left: str) -> None:
    with Sandbox.from_id("left") as sandbox:
        assert sandbox.sandbox_id == left
        assert sandbox.exec("echo on") == "on\n"
        assert "doubling 5" in "\n".join(sandbox._running().machine.logs(20))
        assert len(sandbox.calls(function="double")) == 1
        assert sandbox.modal_sandbox.object_id == only(modal_emulator).id
    assert len(modal_emulator.running) == 1

    Sandbox.from_id(left).terminate()

    assert not modal_emulator.running
    assert not all_sandboxes()


def test_the_commands_see_it(modal_emulator: ModalEmulator, left: str) -> None:
    listed = seer("ps", "--json")
    assert json.loads(listed)["id"] == left
    assert json.loads(listed)["backend"] == "modal"
    assert "doubling 5" in seer("logs", left)
    assert json.loads(seer("calls", left, "--json"))["function"] == "double"
    assert seer("exec", left, "--", "echo", "on") == "on\n"

    seer("stop", left)

    assert not modal_emulator.running
    assert seer("ps", "--json") == ""


def test_what_another_machine_started_is_found_and_ended(
    modal_emulator: ModalEmulator,
    start: Start,
    gpu: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = start(detach=True)
    assert seer("ps", "--modal") == ""

    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
        if gpu:
            # Others may not be listed there.
            assert seer("ps", "--modal") == f"{started.sandbox_id}\n"
        seer("stop", "--modal", started.sandbox_id)
        assert not modal_emulator.running
        with pytest.raises(SystemExit):
            seer("stop", "--modal", started.sandbox_id)
        assert seer("ps", "--modal") == ""


def test_one_that_modal_ended_is_gone(modal_emulator: ModalEmulator, left: str) -> None:
    modal_emulator.lose(only(modal_emulator).id)

    with pytest.raises(SandboxError, match="has ended"):
        Sandbox.from_id(left)
    seer("gc")
    assert not all_sandboxes()


def test_what_an_owner_left_behind_is_collected(
    modal_emulator: ModalEmulator, gpu: dict[str, Any], run_python: Callable[..., str]
) -> None:
    source = f"""if True:
        import os, signal
        from seer_rpc.environment import Sandbox, SandboxConfig
        sandbox = Sandbox(SandboxConfig(**{gpu!r}), backend="modal").start()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with pytest.raises(subprocess.CalledProcessError):
        run_python(source)
    assert len(modal_emulator.running) == 1

    seer("gc")

    assert not modal_emulator.running
    assert not all_sandboxes()


def test_what_cannot_be_collected_stays_written_down(
    modal_emulator: ModalEmulator, run_python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """if True:
        import os, signal
        from seer_rpc.environment import Sandbox, SandboxConfig
        sandbox = Sandbox(SandboxConfig(), backend="modal").start()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with pytest.raises(subprocess.CalledProcessError):
        run_python(source)

    with monkeypatch.context() as broken:
        broken.delenv("MODAL_TOKEN_ID")
        seer("gc")
    assert len(all_sandboxes()) == 1
    seer("gc")

    assert not all_sandboxes()
    assert not modal_emulator.running


def test_whoever_lets_go_of_one_leaves_nothing_behind(
    modal_emulator: ModalEmulator, left: str, wait_until: Callable[..., None]
) -> None:
    def followers() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name == THREAD]

    with Sandbox.from_id(left) as sandbox:
        assert sandbox.exec("echo on") == "on\n"
        assert followers()
    assert not followers()
    dropped = Sandbox.from_id(left)
    assert followers()
    del dropped
    gc.collect()
    wait_until(lambda: not followers())
    assert len(modal_emulator.running) == 1
    Sandbox.from_id(left).terminate()


def test_a_script_that_ends_takes_its_sandbox_along(
    modal_emulator: ModalEmulator, run_python: Callable[..., str]
) -> None:
    run_python("""if True:
        from seer_rpc.environment import Sandbox, SandboxConfig
        sandbox = Sandbox(SandboxConfig(), backend="modal").start()
    """)

    assert modal_emulator.sandboxes
    assert not modal_emulator.running


@one_kind
def test_a_snapshot_is_listed_and_removed(modal_emulator: ModalEmulator, start: Start) -> None:
    first, second = (start().terminate(save_snapshot=True) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.files, first.size) == (None, None)
    assert seer("snapshots").splitlines()[-1].split()[-2:] == ["?", "?"]

    seer("snapshots", "remove", first.id)

    assert first.image not in modal_emulator.images.images
    assert list_snapshots() == [second]
    modal_emulator.faults.plan("ImageDelete", Fault(Status.PERMISSION_DENIED, "not yours"))
    with pytest.raises(BackendError, match="not yours"):
        remove_snapshot(second.id)
    assert list_snapshots() == [second]
    # Somebody else may have deleted it.
    del modal_emulator.images.images[second.image]
    remove_snapshot(second.id)
    assert list_snapshots() == []


@one_kind
def test_a_snapshot_that_is_interrupted_leaves_no_image(
    modal_emulator: ModalEmulator, start: Start, wait_until: Callable[..., None]
) -> None:
    sandbox = start()
    modal_emulator.faults.delay("TaskSnapshotFilesystem", 3)
    main_thread = threading.get_ident()

    def interrupt() -> None:
        wait_until(lambda: modal_emulator.log.of("TaskSnapshotFilesystem"))
        signal.pthread_kill(main_thread, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.snapshot()

    assert list_snapshots() == []
    wait_until(lambda: modal_emulator.log.of("ImageDelete"), 30)


def test_a_local_snapshot_starts_none(start: Start) -> None:
    with Sandbox(SandboxConfig(), backend="local").start() as local:
        snapshot = local.snapshot()
    with pytest.raises(BackendError, match="another backend"):
        Sandbox(SandboxConfig(), backend="modal")._start(Workspace(), None, snapshot)


def test_a_repository_comes_along(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "notes.txt").write_text("in git")
    (folder / "link").symlink_to("notes.txt")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm one"):
        subprocess.run(["git", "-C", str(folder), *command.split()], check=True)

    sandbox = start(repos=[RepoConfig(str(folder))])

    assert sandbox.exec("cat project/link; readlink project/link") == "in gitnotes.txt\n"
