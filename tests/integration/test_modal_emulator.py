"""The emulated Modal, driven by the real client: what tests of the Modal backend stand on."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc
import pytest

from tests.modal_emulator.requirements import require_modal

require_modal()

import modal  # noqa: E402
from modal.exception import (  # noqa: E402
    AlreadyExistsError,
    AuthError,
    ConflictError,
    InvalidError,
    NotFoundError,
    RemoteError,
    ResourceExhaustedError,
    SandboxFilesystemNotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
)

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator

_PORT = 50051
_GPU = "H100:2"

_SERVER = """
    import grpc, os, sys
    from concurrent import futures

    def echo(request, context):
        return request if request else os.environ["SEER_TOKEN"].encode()

    def count(request, context):
        yield from (str(number).encode() for number in range(int(request)))

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_registered_method_handlers("test", {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    })
    server.add_insecure_port(f"0.0.0.0:{sys.argv[1]}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()
"""

Create = Callable[..., modal.Sandbox]

one_kind = pytest.mark.parametrize("gpu", [_GPU], indirect=True)
"""For what is the same for both kinds of sandboxes."""


@pytest.fixture(params=[None, _GPU], ids=["V2", "V1"])
def gpu(request: pytest.FixtureRequest) -> str | None:
    """The GPU, which decides between the two kinds of sandboxes."""
    gpu: str | None = request.param
    return gpu


@pytest.fixture
def app(modal_emulator: ModalEmulator) -> modal.App:
    return modal.App.lookup("tests", create_if_missing=True)


@pytest.fixture
def create(app: modal.App, gpu: str | None) -> Create:
    """Create a sandbox of the kind that the test is run for."""

    def create_one(*argv: str, **options: Any) -> modal.Sandbox:
        return modal.Sandbox.create(*(argv or ("sleep", "60")), app=app, gpu=gpu, **options)

    return create_one


@pytest.fixture
def server(write: Callable[..., Path]) -> modal.Image:
    """An image with a gRPC server in it."""
    image = modal.Image.debian_slim().pip_install("grpcio").workdir("/workspace")
    return image.add_local_file(write(_SERVER, "server.py"), "/workspace/server.py")


def run(sandbox: modal.Sandbox, script: str, **options: Any) -> str:
    """Run a shell's script in a sandbox; gives what it wrote."""
    process = sandbox.exec("sh", "-c", script, **options)
    text: str = process.stdout.read()
    assert process.wait() == 0, process.stderr.read()
    return text


class Caller:
    """A client of `_SERVER` behind a tunnel, with the roots that gRPC has by default."""

    def __init__(self, tunnel: Any) -> None:
        address = f"{tunnel.host}:{tunnel.port}"
        self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials())

    def echo(self, data: bytes) -> bytes:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary("/test/Echo")
        return call(data, timeout=60)

    def count(self, number: int) -> list[bytes]:
        call: grpc.UnaryStreamMultiCallable[bytes, bytes] = self.channel.unary_stream("/test/Count")
        return list(call(b"%d" % number, timeout=60))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()


@one_kind
def test_an_image_is_recorded_by_its_layers_and_brings_its_files(
    modal_emulator: ModalEmulator, create: Create, write: Callable[..., Path], tmp_path: Path
) -> None:
    folder = write("A = 1", "package/module.py").parent
    dockerfile = write(
        "FROM scratch\nCOPY package/*.py /opt/\nENV FROM_FILE='a b' PATH=/own:$PATH", "Dockerfile"
    )
    image = (
        modal.Image.from_dockerfile(dockerfile, context_dir=tmp_path)
        .apt_install("git")
        .uv_pip_install("torch==2.13.0")
        .pip_install("numpy")
        .run_commands("echo built")
        .env({"HF_HOME": "/models"})
        .workdir("/workspace")
        .add_local_file(folder / "module.py", "/workspace/copied.py", copy=True)
        .add_local_dir(folder, "/workspace/package")
    )

    sandbox = create(image=image)

    layers = "\n".join(modal_emulator.sandboxes[sandbox.object_id].image.layers)
    for part in ("FROM scratch", "apt-get install", "torch==2.13.0", "numpy", "RUN echo built"):
        assert part in layers
    assert "FROM base" not in layers
    assert run(sandbox, "pwd; cat /opt/module.py copied.py package/module.py") == (
        "/workspace\n" + "A = 1" * 3
    )
    assert run(sandbox, "echo $HF_HOME $FROM_FILE") == "/models a b\n"
    assert ":/own:/usr/" in run(sandbox, "echo $PATH")


def test_an_image_whose_build_fails_says_why(modal_emulator: ModalEmulator, create: Create) -> None:
    modal_emulator.images.broken["torch==0.0"] = "no matching distribution"

    with pytest.raises(RemoteError, match="no matching distribution"):
        create(image=modal.Image.debian_slim().pip_install("torch==0.0"))


def test_secrets_are_variables_and_not_in_the_log(
    modal_emulator: ModalEmulator, create: Create
) -> None:
    modal.Secret.objects.create("named", {"NAMED": "hidden-1"})
    given = [modal.Secret.from_dict({"OWN": "hidden-2"}), modal.Secret.from_name("named")]

    sandbox = create(secrets=given, env={"PLAIN": "hidden-3"})

    assert run(sandbox, "echo $OWN $NAMED $PLAIN") == "hidden-2 hidden-1 hidden-3\n"
    assert run(sandbox, "echo $MORE", env={"MORE": "hidden-4"}) == "hidden-4\n"
    assert modal_emulator.sandboxes[sandbox.object_id].environment["OWN"] == "hidden-2"
    assert "hidden" not in modal_emulator.log.transcript()
    assert '"OWN": "<secret>"' in modal_emulator.log.transcript()
    with pytest.raises(NotFoundError):
        create(secrets=[modal.Secret.from_name("missing")])


def test_exec_has_streams_and_exit_codes(create: Create) -> None:
    sandbox = create()

    process = sandbox.exec("sh", "-c", "cat; echo oops >&2; exit 3", text=False)
    sent = os.urandom(3 << 20)
    for begin in range(0, len(sent), 1 << 20):
        process.stdin.write(sent[begin : begin + (1 << 20)])
        process.stdin.drain()
    process.stdin.write_eof()
    process.stdin.drain()

    assert process.stdout.read() == sent
    assert process.stderr.read() == b"oops\n"
    assert (process.wait(), process.poll()) == (3, 3)
    assert sandbox.exec("sh", "-c", "kill -9 $$").wait() == 137
    assert sandbox.exec("no-such-command").wait() == 127
    # Who notices first, the client or the machine.
    assert sandbox.exec("sleep", "60", timeout=1).wait() in {-1, 137}
    lines = sandbox.exec("sh", "-c", "echo 1; sleep 0.2; echo 2", bufsize=1)
    assert list(lines.stdout) == ["1\n", "2\n"]


def test_the_entrypoint_has_streams_and_an_exit_code(create: Create) -> None:
    script = "import sys; print(sys.stdin.read() + 'é'); print('bad', file=sys.stderr); sys.exit(4)"
    sandbox = create("python", "-c", script)

    sandbox.stdin.write("hello ")
    sandbox.stdin.write_eof()
    sandbox.stdin.drain()

    assert sandbox.stdout.read() == "hello é\n"
    assert sandbox.stderr.read() == "bad\n"
    sandbox.wait()
    assert (sandbox.returncode, sandbox.poll()) == (4, 4)


@one_kind
def test_a_sandbox_has_a_root_and_processes_of_its_own(create: Create, tmp_path: Path) -> None:
    first, second = create(), create()

    run(first, "echo mine > /root/file; mkdir /workspace; echo here > /workspace/file")

    assert run(first, "cat /root/file /workspace/file") == "mine\nhere\n"
    assert second.exec("test", "-e", "/root/file").wait() == 1
    assert first.exec("test", "-e", str(tmp_path)).wait() == 1
    assert first.exec("python", "-c", "import seer_rpc").wait() == 1
    assert run(first, "python -c 'import grpc'; hostname; id -u") == "modal\n0\n"


def test_an_h2_tunnel_carries_grpc(create: Create, server: modal.Image) -> None:
    token = modal.Secret.from_dict({"SEER_TOKEN": "token"})
    options = {"image": server, "secrets": [token], "h2_ports": [_PORT]}
    probe = modal.Probe.with_tcp(_PORT)
    sandboxes = [
        create("python", "server.py", str(_PORT), readiness_probe=probe, **options)
        for _ in range(2)
    ]

    for sandbox in sandboxes:
        sandbox.wait_until_ready(timeout=60)
        with Caller(sandbox.tunnels()[_PORT]) as caller:
            assert caller.echo(b"") == b"token"
            assert len(caller.echo(b"x" * (3 << 20))) == 3 << 20
            assert caller.count(3) == [b"0", b"1", b"2"]
            sandbox.terminate(wait=True)
            with pytest.raises(grpc.RpcError) as caught:
                caller.echo(b"late")
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@one_kind
def test_grpc_refuses_a_tunnel_for_http1(create: Create, server: modal.Image) -> None:
    sandbox = create("python", "server.py", "8000", image=server, encrypted_ports=[8000])

    with (
        Caller(sandbox.tunnels()[8000]) as caller,
        pytest.raises(grpc.RpcError) as caught,
    ):
        caller.echo(b"hi")

    assert "ALPN" in (caught.value.details() or "")


@one_kind
def test_a_plain_tunnel_forwards_bytes_to_whoever_listens_to_all(create: Create) -> None:
    serve = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port=8000, bind={!r})"
    sandbox = create("python", "-c", serve.format("0.0.0.0"), unencrypted_ports=[8000])
    alone = create("python", "-c", serve.format("127.0.0.1"), unencrypted_ports=[8000])

    assert fetch(sandbox).startswith(b"HTTP/1.0 200")
    assert fetch(alone, seconds=2) == b""


@one_kind
def test_a_sandbox_reaches_named_ports_of_this_machine(
    modal_emulator: ModalEmulator, create: Create
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        fetch = ["python", "-c", f"import socket as s; s.create_connection(('127.0.0.1', {port}))"]
        before = create(*fetch)
        modal_emulator.reachable.add(port)
        after, blocked = create(*fetch), create(*fetch, block_network=True)
        server.accept()[0].close()

    for sandbox in (before, after, blocked):
        sandbox.wait()
    assert [one.returncode for one in (before, after, blocked)] == [1, 0, 1]


@one_kind
def test_an_allow_list_keeps_others_out(create: Create) -> None:
    serve = ["python", "-m", "http.server", "8000"]
    strict = {"unencrypted_ports": [8000], "inbound_cidr_allowlist": ["203.0.113.0/24"]}

    sandbox = create(*serve, readiness_probe=modal.Probe.with_tcp(8000), **strict)

    sandbox.wait_until_ready(timeout=60)
    assert fetch(sandbox, seconds=0.5) == b""


def fetch(sandbox: modal.Sandbox, seconds: float = 60.0) -> bytes:
    """Ask a web server behind a plain tunnel, again until it answers or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.create_connection(sandbox.tunnels()[8000].tcp_socket) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                if answer := connection.recv(100):
                    return answer
        time.sleep(0.1)
    return b""


@one_kind
def test_readiness_by_a_command(create: Create) -> None:
    probe = modal.Probe.with_exec("test", "-e", "/tmp/ready", interval_ms=50)
    sandbox = create("sh", "-c", "sleep 0.5; touch /tmp/ready; sleep 60", readiness_probe=probe)

    sandbox.wait_until_ready(timeout=60)

    assert sandbox.exec("test", "-e", "/tmp/ready").wait() == 0
    never = create(readiness_probe=modal.Probe.with_exec("false"))
    with pytest.raises(modal.exception.TimeoutError):
        never.wait_until_ready(timeout=1)


@one_kind
def test_files_are_written_and_read(create: Create) -> None:
    sandbox = create()
    files = sandbox.filesystem

    files.write_bytes(b"z" * (2 << 20), "/tmp/folder/file")

    assert len(files.read_bytes("/tmp/folder/file")) == 2 << 20
    assert [info.name for info in files.list_files("/tmp/folder")] == ["file"]
    files.make_directory("/tmp/folder/a/b")
    files.remove("/tmp/folder", recursive=True)
    with pytest.raises(SandboxFilesystemNotFoundError):
        files.stat("/tmp/folder/file")


@one_kind
def test_a_snapshot_starts_another_sandbox(create: Create) -> None:
    image = modal.Image.debian_slim().env({"KEPT": "yes"})
    sandbox = create(image=image)
    run(sandbox, "mkdir -p /workspace/deep; echo kept > /workspace/deep/file; ln -s file /tmp/link")

    snapshot = sandbox.snapshot_filesystem()
    run(sandbox, "echo later > /workspace/deep/file")
    sandbox.terminate()
    again = create(image=modal.Image.from_id(snapshot.object_id))

    assert run(again, "cat /workspace/deep/file; echo $KEPT; readlink /tmp/link") == (
        "kept\nyes\nfile\n"
    )


def test_sandboxes_are_found_by_tag_name_and_id(app: modal.App, create: Create) -> None:
    sandbox = create("cat", name="first", tags={"owner": "me", "seer": "1"})
    other = create(tags={"owner": "me"})

    def listed(**tags: str) -> set[str]:
        found = modal.Sandbox.list(app_id=app.app_id, tags=tags)
        return {one.object_id for one in found}

    assert listed(owner="me") == {sandbox.object_id, other.object_id}
    assert listed(owner="me", seer="1") == {sandbox.object_id}
    sandbox.set_tags({"seer": "2"})
    assert (listed(seer="1"), sandbox.get_tags()) == (set(), {"seer": "2"})
    assert modal.Sandbox.from_name("tests", "first").object_id == sandbox.object_id
    with pytest.raises(AlreadyExistsError):
        create(name="first")
    other.terminate(wait=True)
    assert listed() == {sandbox.object_id}
    with pytest.raises(NotFoundError):
        modal.Sandbox.from_id("sb-" + "0" * len(sandbox.object_id[3:]))


def test_another_process_takes_over(create: Create) -> None:
    sandbox = create("cat")
    sandbox.stdin.write("from the first\n")
    sandbox.stdin.drain()
    script = """
        import modal, sys
        sandbox = modal.Sandbox.from_id(sys.argv[1])
        print(sandbox.exec("echo", "from the second").stdout.read(), end="")
        print(next(iter(sandbox.stdout)), end="")
        sandbox.terminate()
    """

    second = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), sandbox.object_id],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert second.stdout == "from the second\nfrom the first\n", second.stderr
    assert sandbox.poll() == 137


@one_kind
def test_a_client_that_dies_harms_nobody(modal_emulator: ModalEmulator, create: Create) -> None:
    sandbox = create("sh", "-c", "while sleep 0.05; do echo line; done")
    script = """
        import modal, sys
        for line in modal.Sandbox.from_id(sys.argv[1]).stdout:
            print(line, end="", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), sandbox.object_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "line\n"
        follower.kill()

    wait_for(lambda: modal_emulator.log.of("SandboxGetLogs")[0].status == "CANCELLED")
    assert run(sandbox, "echo runs") == "runs\n"


def test_a_sandbox_ends_at_its_timeout(create: Create) -> None:
    sandbox = create(timeout=1)

    with pytest.raises(SandboxTimeoutError):
        sandbox.wait(raise_on_termination=False)

    assert sandbox.poll() == 124


@one_kind
def test_an_idle_sandbox_ends_and_a_used_one_does_not(create: Create) -> None:
    idle, used = create(idle_timeout=3), create(idle_timeout=3)

    assert used.exec("sleep", "5").wait() == 0

    assert used.poll() is None
    wait_for(lambda: idle.poll() == 124)


def test_terminating_ends_every_process(create: Create) -> None:
    mark = f"{os.getpid()}.0"
    sandbox = create("sh", "-c", f"setsid sleep {mark} & sleep {mark}")
    sandbox.exec("sleep", mark)
    wait_for(lambda: len(sleepers(mark)) == 3)
    assert sandbox.terminate(wait=True) == 137

    assert sleepers(mark) == []
    with pytest.raises(SandboxTerminatedError):
        sandbox.wait()
    with pytest.raises((ConflictError, NotFoundError)):
        sandbox.exec("true")


def sleepers(mark: str) -> list[int]:
    """Give the processes that sleep for a number of seconds that nobody else chooses."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                found.append(int(folder.name))
    return found


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


@one_kind
def test_volumes_have_versions(create: Create) -> None:
    volume = modal.Volume.from_name("models", create_if_missing=True)
    big = os.urandom(5 << 20)
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"small"), "/hub/small")
        batch.put_file(io.BytesIO(big), "/hub/big")
    writer = create(volumes={"/models": volume})
    run(writer, "cd /models/hub; sha256sum big; echo more > new; ln -s new link; rm small")
    reader = create(volumes={"/models": volume.with_mount_options(read_only=True)})

    assert b"".join(volume.read_file("hub/big")) == big
    assert run(reader, "ls /models/hub") == "big\nsmall\n"
    assert reader.exec("touch", "/models/hub/other").wait() == 1
    writer.terminate(wait=True)
    assert {entry.path for entry in volume.listdir("hub")} == {"hub/big", "hub/new", "hub/link"}
    assert run(reader, "ls /models/hub") == "big\nsmall\n"
    reader.reload_volumes()
    assert run(reader, "cat /models/hub/link; ls /models/hub") == "more\nbig\nlink\nnew\n"


@one_kind
def test_open_files_keep_a_volume_from_being_reloaded(create: Create) -> None:
    volume = modal.Volume.from_name("models", create_if_missing=True)
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"x"), "file")
    sandbox = create("tail", "-f", "/models/file", volumes={"/models": volume})
    wait_for(lambda: "file" in run(sandbox, "readlink /proc/[0-9]*/fd/* || true"))

    with pytest.raises(ConflictError, match="open files"):
        sandbox.reload_volumes()


@one_kind
def test_a_volume_of_the_second_kind_and_a_part_of_it(create: Create) -> None:
    volume = modal.Volume.from_name("second", create_if_missing=True, version=2)
    sent = os.urandom(9 << 20) + bytes(4 << 20)
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(sent), "/part/big")

    sandbox = create(volumes={"/models": volume.with_mount_options(sub_path="/part")})

    assert b"".join(volume.read_file("part/big")) == sent
    assert run(sandbox, "stat -c %s /models/big; echo n > /models/new").strip() == str(13 << 20)
    sandbox.terminate(wait=True)
    assert [entry.path for entry in volume.listdir("part")] == ["part/big", "part/new"]
    with pytest.raises(NotFoundError):
        modal.Volume.from_name("third").hydrate()


def test_retries_run_nothing_twice(
    modal_emulator: ModalEmulator, create: Create, gpu: str | None
) -> None:
    method = "SandboxCreate" if gpu else "SandboxCreateV2"
    modal_emulator.faults.unavailable(method)
    modal_emulator.faults.drop(method)
    modal_emulator.faults.drop("TaskExecStart")

    sandbox = create()
    run(sandbox, "echo line >> /tmp/lines")

    calls = modal_emulator.log.of(method)
    assert [call.status for call in calls] == ["UNAVAILABLE", "UNAVAILABLE", "OK"]
    assert len({call.key for call in calls}) == 1
    assert len(modal_emulator.sandboxes) == 1
    assert len(modal_emulator.log.of("TaskExecStart")) == 2
    assert run(sandbox, "cat /tmp/lines") == "line\n"


def test_there_is_no_capacity(
    modal_emulator: ModalEmulator, create: Create, gpu: str | None
) -> None:
    method = "SandboxCreate" if gpu else "SandboxCreateV2"
    modal_emulator.faults.exhausted(method, "no H100 is free")

    with pytest.raises(ResourceExhaustedError, match="no H100 is free"):
        create()

    assert modal_emulator.sandboxes == {}


@one_kind
def test_there_are_not_more_sandboxes_than_this_machine_bears(
    create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.modal_emulator.sandboxes._MOST", 1)
    first = create()

    with pytest.raises(ResourceExhaustedError):
        create()

    first.terminate(wait=True)
    assert create().poll() is None


def test_scheduling_takes_its_time(
    modal_emulator: ModalEmulator, create: Create, gpu: str | None
) -> None:
    modal_emulator.schedule_after(0.7)
    modal_emulator.faults.delay("SandboxCreate" if gpu else "SandboxCreateV2", 0.7)
    begin = time.monotonic()

    sandbox = create()

    assert time.monotonic() - begin >= 1.4
    assert run(sandbox, "echo runs") == "runs\n"


def test_whoever_waits_no_longer_for_a_gpu_gets_none(
    modal_emulator: ModalEmulator, app: modal.App
) -> None:
    modal_emulator.schedule_after(3600.0)

    async def give_up() -> None:
        creating = modal.Sandbox.create.aio("sleep", "60", app=app, gpu=_GPU)
        task = asyncio.create_task(creating)
        while not modal_emulator.sandboxes:
            await asyncio.sleep(0.02)
        # Until it waits for the machine.
        await asyncio.sleep(1.5)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(give_up())

    (sandbox,) = modal_emulator.sandboxes.values()
    assert (modal_emulator.running, sandbox.machine) == ([], None)


@one_kind
def test_a_machine_is_lost(modal_emulator: ModalEmulator, create: Create) -> None:
    sandbox = create()
    process = sandbox.exec("sleep", "60")

    modal_emulator.lose(sandbox.object_id)

    sandbox.wait()
    assert sandbox.returncode != 0
    assert process.wait() == 137
    assert modal_emulator.running == []


def test_expired_tokens_are_renewed(modal_emulator: ModalEmulator, create: Create) -> None:
    modal_emulator.token_lifetime = 1.0
    sandbox = create()
    assert run(sandbox, "echo first") == "first\n"

    time.sleep(2.0)

    assert run(sandbox, "echo second") == "second\n"
    assert "UNAUTHENTICATED" in {call.status for call in modal_emulator.log.of("TaskExecStart")}


def test_a_wrong_token_is_refused(modal_emulator: ModalEmulator) -> None:
    with (
        modal.Client.from_credentials("ak-wrong", "as-wrong") as client,
        pytest.raises(AuthError),
    ):
        modal.App.lookup("tests", create_if_missing=True, client=client)


def test_what_modal_refuses_is_refused(app: modal.App) -> None:
    for gpu in ("Z9000", "H100:9"):
        with pytest.raises(InvalidError, match="no such GPU"):
            modal.Sandbox.create("true", app=app, gpu=gpu)
    with pytest.raises(InvalidError, match="24 hours"):
        modal.Sandbox.create("true", app=app, timeout=90_000)
    with pytest.raises(NotFoundError):
        modal.App.lookup("missing")


def test_an_unknown_call_is_loud(modal_emulator: ModalEmulator, create: Create) -> None:
    with pytest.raises(modal.exception.Error, match="SandboxCreateConnectToken"):
        create().create_connect_token()

    assert "SandboxCreateConnectToken" in modal_emulator.log.failures.pop()


@one_kind
def test_a_transcript_is_the_same_each_time(
    modal_emulator: ModalEmulator, create: Create, server: modal.Image
) -> None:
    def transcript() -> str:
        modal_emulator.log.calls.clear()
        token = modal.Secret.from_dict({"SEER_TOKEN": os.urandom(4).hex()})
        sandbox = create("sleep", "60", image=server, secrets=[token], h2_ports=[_PORT], memory=512)
        sandbox.terminate(wait=True)
        return modal_emulator.log.transcript(["SandboxCreate", "SandboxCreateV2"])

    first = transcript()

    assert first == transcript()
    assert '"memory_mb": 512' in first
    assert '"TUNNEL_TYPE_H2"' in first


def test_nothing_outlives_a_killed_emulator(modal_certificates: Any, tmp_path: Path) -> None:
    mark = f"{os.getpid()}.1"
    script = """
        import os, sys, time
        from pathlib import Path
        from seer_rpc.backends.certificates import make_certificates
        from tests.modal_emulator.emulator import ModalEmulator
        certificates = make_certificates("modal", ["localhost"], 60)
        with ModalEmulator(Path(sys.argv[1]), certificates) as emulator:
            os.environ |= emulator.environment
            import modal
            app = modal.App.lookup("tests", create_if_missing=True)
            script = f"setsid sleep {sys.argv[2]} & sleep {sys.argv[2]}"
            sandbox = modal.Sandbox.create("sh", "-c", script, app=app)
            sandbox.exec("sleep", sys.argv[2])
            print("started", flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        wait_for(lambda: len(sleepers(mark)) == 3)
        process.send_signal(signal.SIGKILL)

    wait_for(lambda: not sleepers(mark))
