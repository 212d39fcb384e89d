"""What a config may ask of Modal beyond the usual: images, networks, its own encryption."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.modal_emulator.requirements import require_modal

require_modal()

from seer_rpc.backends.certificates import make_certificates  # noqa: E402
from seer_rpc.client import Connection, Session  # noqa: E402
from seer_rpc.client.control import Control  # noqa: E402
from seer_rpc.environment import SandboxConfig, ScopedSandbox  # noqa: E402
from seer_rpc.errors import (  # noqa: E402
    AuthenticationError,
    BackendError,
    PackageInstallError,
    SandboxStartError,
)
from seer_rpc.locations import sandboxes_folder  # noqa: E402
from seer_rpc.registry import all_sandboxes  # noqa: E402
from seer_rpc.workspace import Workspace  # noqa: E402
from seer_runtime.wire.settings import SETTINGS, Settings  # noqa: E402
from tests.integration.mcp_talk import talk  # noqa: E402

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator

pytestmark = pytest.mark.usefixtures("modal_emulator")

_CUDA = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
_SECRET = "what nobody on the way may read"
_SHOUT = """
    @expose
    def shout(text: str) -> str:
        return text.upper()
"""

Start = Callable[..., ScopedSandbox]


@pytest.fixture(params=[None, "H100"], ids=["V2", "V1"])
def gpu(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The GPUs, which decide between the two kinds of sandboxes."""
    return {} if request.param is None else {"gpu": request.param, "gpu_count": 2}


one_kind = pytest.mark.parametrize("gpu", [None], indirect=True, ids=["V2"])
"""For what is the same for both kinds of sandboxes."""


@pytest.fixture
def start(gpu: dict[str, Any]) -> Iterator[Start]:
    """Start a sandbox of the kind that the test is run for."""
    started: list[ScopedSandbox] = []

    def start_one(**fields: Any) -> ScopedSandbox:
        sandbox = ScopedSandbox(SandboxConfig(**gpu, **fields), backend="modal")
        started.append(sandbox)
        return sandbox.start()

    yield start_one
    for sandbox in started:
        sandbox.terminate()


@pytest.fixture
def file(write: Callable[..., Path]) -> Path:
    """An interface."""
    return write(_SHOUT)


def only(emulator: ModalEmulator) -> Any:
    """Give the one sandbox that runs."""
    (running,) = emulator.running
    return running


def run(source: str) -> str:
    """Run Python in a process of its own; gives what it prints."""
    finished = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


# Images and places.


def test_another_image_gets_python_and_all_else_in_order(
    modal_emulator: ModalEmulator, start: Start
) -> None:
    sandbox = start(
        image=_CUDA,
        system_packages=["git"],
        python_packages=["einops==0.8.1"],
        env={"A": "1"},
    )
    image = only(modal_emulator).image

    order = [
        f"FROM {_CUDA}",
        "COPY /python/. /usr/local",
        "ENV PATH=/usr/local/bin:$PATH",
        "ENTRYPOINT []",
        "RUN apt-get install -y git",
        "msgpack==",
        "einops==0.8.1",
        "ENV PYTHONPATH=",
    ]
    layers = "\n".join(image.layers)
    assert [part for part in order if part not in layers] == []
    assert order == sorted(order, key=layers.index)
    assert "debian" not in layers
    assert image.environment["PATH"].startswith("/usr/local/bin:")
    assert sandbox.exec("echo on $A") == "on 1\n"


@one_kind
def test_a_second_start_with_an_image_builds_nothing(
    modal_emulator: ModalEmulator, start: Start
) -> None:
    start(image=_CUDA).terminate()
    images = len(modal_emulator.images.images)

    start(image=_CUDA, timeout=60)

    assert len(modal_emulator.images.images) == images


@one_kind
def test_an_image_that_there_is_not_is_told(modal_emulator: ModalEmulator, start: Start) -> None:
    modal_emulator.images.broken["FROM example.org/none"] = "manifest unknown"

    with pytest.raises(PackageInstallError, match="manifest unknown") as caught:
        start(image="example.org/none:1")
    assert "image=" in caught.value.hint
    assert not all_sandboxes()


def test_a_region_is_asked_for(modal_emulator: ModalEmulator, start: Start) -> None:
    start(region="eu-west")

    assert list(only(modal_emulator).definition.scheduler_placement.regions) == ["eu-west"]


# From where it is reached.


def test_whoever_is_allowed_reaches_it(
    modal_emulator: ModalEmulator, start: Start, file: Path
) -> None:
    scoped = start(allow_from=["203.0.113.0/24", "127.0.0.1"])

    allowed = only(modal_emulator).definition.inbound_cidr_allowlist
    assert list(allowed) == ["203.0.113.0/24", "127.0.0.1/32"]
    with Session(scoped.serve(file).connection) as session:
        assert session.call("shout", ["a"], {}) == "A"


@one_kind
def test_an_owner_who_is_not_allowed_is_told_so(
    modal_emulator: ModalEmulator, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seer_rpc.backends.modal.starting._CONNECTION", 1.0)

    with pytest.raises(SandboxStartError, match="does not answer") as caught:
        start(allow_from=["203.0.113.0/24"])
    assert "allow_from=" in caught.value.hint
    assert not modal_emulator.running
    assert not all_sandboxes()


# Encryption that Modal's relay does not end.


@pytest.mark.parametrize(("listen", "port"), [("0.0.0.0:8443", 8443), ("[::]:0", 50_051)])
def test_the_relay_is_asked_to_pass_on_what_it_cannot_read(
    modal_emulator: ModalEmulator, start: Start, listen: str, port: int
) -> None:
    scoped = start(listen=listen)

    asked = only(modal_emulator)
    (opened,) = asked.definition.open_ports.ports
    assert (opened.port, opened.unencrypted) == (port, True)
    settings = Settings.from_json(asked.environment[SETTINGS])
    assert settings.port is not None
    assert settings.port.certificate
    assert settings.port.client_authority
    assert settings.port.key not in modal_emulator.log.transcript()
    assert scoped.exec("echo on") == "on\n"


def test_calls_go_by_certificates_of_the_sandboxes_own(start: Start, file: Path) -> None:
    scoped = start(listen="0.0.0.0:8443")
    library = scoped.serve(file)

    assert library.connection == library.for_network().connection == scoped.connection("tools")
    assert library.connection == scoped.network_connection("tools")
    assert not library.connection.endpoint.startswith("https://")
    with Session(library.connection) as session:
        assert session.call("shout", ["a" * 3_000_000], {}) == "A" * 3_000_000
    (call,) = scoped.calls(function="shout")
    assert call.outcome == "ok"


def relayed(emulator: ModalEmulator, scoped: ScopedSandbox, file: Path) -> bytes:
    """Give what the relay sees of a call."""
    with Session(scoped.serve(file).connection) as session:
        assert session.call("shout", [_SECRET], {}) == _SECRET.upper()
    return bytes(only(emulator).tunnels[0].seen)


@one_kind
def test_the_relay_reads_along_only_where_it_ends_the_encryption(
    modal_emulator: ModalEmulator, start: Start, file: Path
) -> None:
    usual = start()
    seen = relayed(modal_emulator, usual, file)
    assert _SECRET.encode() in seen
    assert _SECRET.upper().encode() in seen
    usual.terminate()

    seen = relayed(modal_emulator, start(listen="0.0.0.0:8443"), file)
    assert len(seen) > 2 * len(_SECRET)
    assert _SECRET.encode() not in seen
    assert _SECRET.upper().encode() not in seen


@pytest.fixture
def connection(start: Start, file: Path) -> Connection:
    """The way to an interface behind mutual TLS."""
    return start(listen="0.0.0.0:8443").serve(file).connection


def strange(connection: Connection) -> Connection:
    """Give the way with a certificate that another sandbox's authority made."""
    other = make_certificates("other", [connection.server_name], 3600).client
    return dataclasses.replace(
        connection, client_certificate=other.certificate, client_key=other.key
    )


def bare(connection: Connection) -> Connection:
    """Give the way without a client's certificate."""
    return dataclasses.replace(connection, client_certificate="", client_key="")


@one_kind
@pytest.mark.parametrize("changed", [bare, strange])
def test_strangers_are_turned_away_whatever_their_token(
    connection: Connection, changed: Callable[[Connection], Connection]
) -> None:
    with pytest.raises(AuthenticationError, match="hung up before there was a session"):
        Session(changed(connection))
    (record,) = all_sandboxes()
    control = Control(dataclasses.replace(changed(connection), token=record.admin_token))
    with pytest.raises(AuthenticationError):
        control.stop()
    control.close()
    with Session(connection) as session:
        assert session.call("shout", ["a"], {}) == "A"


def greeting(connection: Connection, folder: Path) -> bytes:
    """Give what a sandbox says first to who has shaken hands with it."""
    context = ssl.create_default_context(cadata=connection.ca_certificate)
    context.set_alpn_protocols(["h2"])
    if connection.client_key:
        pair = folder / "client.pem"
        pair.write_text(connection.client_certificate + connection.client_key)
        context.load_cert_chain(pair)
    host, _, port = connection.endpoint.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=connection.server_name) as encrypted,
        # With TLS 1.3 a client hears of it when it reads.
        contextlib.suppress(ssl.SSLError, ConnectionError),
    ):
        return encrypted.recv(1024)
    return b""


@one_kind
def test_strangers_fail_in_the_handshake(connection: Connection, tmp_path: Path) -> None:
    assert greeting(bare(connection), tmp_path) == b""
    assert greeting(strange(connection), tmp_path) == b""
    assert greeting(connection, tmp_path) != b""


@one_kind
def test_another_server_is_not_taken_for_it(connection: Connection) -> None:
    other = make_certificates("other", [connection.server_name], 3600)

    with pytest.raises(AuthenticationError, match="is not the sandbox"):
        Session(dataclasses.replace(connection, ca_certificate=other.authority))
    with pytest.raises(AuthenticationError, match="has no certificate for that name"):
        Session(dataclasses.replace(connection, server_name="other.seer"))


@one_kind
def test_a_token_is_needed_nevertheless(connection: Connection) -> None:
    with pytest.raises(AuthenticationError, match="refused the token"):
        Session(dataclasses.replace(connection, token="wrong"))


@one_kind
def test_the_server_alone_may_have_a_certificate(start: Start, file: Path) -> None:
    connection = start(listen="0.0.0.0:0", tls="server").serve(file).connection

    assert connection.ca_certificate
    assert not connection.client_key
    with Session(connection) as session:
        assert session.call("shout", ["a"], {}) == "A"


def test_an_owner_is_present_as_ever(modal_emulator: ModalEmulator, start: Start) -> None:
    start(listen="0.0.0.0:8443")

    (tunnel,) = only(modal_emulator).tunnels
    assert tunnel.connections


@one_kind
def test_libraries_servers_and_skills_go_that_way(start: Start, file: Path, tmp_path: Path) -> None:
    scoped = start(listen="0.0.0.0:8443")
    config = scoped.serve(file, expose_as="mcp", name="tools")
    skill = scoped.serve(file, expose_as="skill", name="tools")
    Workspace(libraries=[config], skills=[skill]).install(tmp_path / "work")

    with talk(config) as server:
        assert server.value("shout", text="a") == "A"
    script = tmp_path / "work/.claude/skills/tools/scripts/call.py"
    called = [sys.executable, str(script), "call", "shout", "text=b"]
    assert json.loads(subprocess.run(called, capture_output=True).stdout) == "B"
    source = f"import sys; sys.path.insert(0, {str(tmp_path / 'work')!r}); import tools"
    assert run(f"{source}; print(tools.shout('c'))") == "C\n"


def test_another_process_goes_on_with_the_same_certificates(
    modal_emulator: ModalEmulator, gpu: dict[str, Any], file: Path
) -> None:
    run(f"""if True:
        from seer_rpc.environment import ScopedSandbox, SandboxConfig
        config = SandboxConfig(detach=True, listen="0.0.0.0:8443", **{gpu!r})
        scoped = ScopedSandbox(config, backend="modal").start(name="left")
        scoped.serve({str(file)!r})
    """)

    with ScopedSandbox.from_id("left") as scoped:
        assert scoped.exec("echo on") == "on\n"
        with Session(scoped.network_connection("tools")) as session:
            assert session.call("shout", ["a"], {}) == "A"
    listed = run("from seer_rpc.cli import main; main(['exec', 'left', '--', 'echo', 'on'])")
    assert listed == "on\n"
    run("from seer_rpc.cli import main; main(['stop', 'left'])")
    assert not modal_emulator.running


@one_kind
def test_keys_are_in_files_that_others_cannot_read_and_nowhere_else(
    modal_emulator: ModalEmulator, start: Start, file: Path, tmp_path: Path
) -> None:
    scoped = start(listen="0.0.0.0:8443")
    library = scoped.serve(file, expose_as="mcp", name="tools")
    Workspace(libraries=[library]).install(tmp_path / "work")
    # Text that only this key has, and that no way of escaping line ends changes.
    needle = library.connection.client_key.splitlines()[2]

    folders = (sandboxes_folder().parent, tmp_path / "work")
    files = [each for folder in folders for each in folder.rglob("*") if each.is_file()]
    holding = [each for each in files if needle.encode() in each.read_bytes()]
    assert {each.name for each in holding} >= {"record.json", "tools.json"}
    assert {each.stat().st_mode & 0o777 for each in holding} == {0o600}
    assert {each.name for each in holding} <= {"record.json", "tools.json"}
    shown = [repr(scoped), repr(scoped._run), repr(library), json.dumps(library)]
    assert needle not in "".join(shown) + modal_emulator.log.transcript() + scoped.rpc_logs(1000)
    assert needle not in only(modal_emulator).environment[SETTINGS]


# What cannot be.


@one_kind
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"listen": "127.0.0.1:8443"}, "not at 127.0.0.1"),
        ({"listen": "127.0.0.1:8443", "tls": "off"}, "not at 127.0.0.1"),
        ({"listen": "0.0.0.0:8443", "advertise": "gpu.example.org"}, "advertise="),
        ({"listen": "0.0.0.0:8443", "allow_from": ["203.0.113.0/24"]}, "allow_from="),
    ],
)
def test_what_modal_cannot_do_is_refused(
    modal_emulator: ModalEmulator, start: Start, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BackendError, match=message) as caught:
        start(**fields)
    assert caught.value.hint
    assert not modal_emulator.sandboxes
    assert not all_sandboxes()
