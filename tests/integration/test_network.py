"""Over the network: who may come in, who is kept out and in which words, and what stays secret."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import grpc
import numpy as np
import pytest

from seer_rpc.backends import certificates
from seer_rpc.client import Connection, Session
from seer_rpc.client.control import Control
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.environment.served import ServedLibrary
from seer_rpc.errors import (
    AuthenticationError,
    ConfigError,
    ConnectionFileError,
    PackageMissingError,
    SandboxLostError,
    SandboxStartError,
    SeerError,
    SessionError,
)
from seer_rpc.workspace import Workspace
from tests.pids import on_host

SOURCE = """
import os
import sys
from collections.abc import Iterator

import numpy as np

print("loading", dict(os.environ), sys.argv, flush=True)

@expose
def add(a: int, b: int) -> int:
    return a + b

@expose
def double(values: np.ndarray) -> np.ndarray:
    return values * 2

@expose
def count(end: int) -> Iterator[int]:
    yield from range(end)

@expose
def processes() -> list[int]:
    return [os.getppid(), os.getpid()]

@expose
def fail():
    raise ValueError(dict(os.environ))
"""

CONFIGS = {
    "mutual": SandboxConfig(listen="127.0.0.1:0"),
    "another": SandboxConfig(listen="127.0.0.1:0"),
    "server": SandboxConfig(listen="0.0.0.0:0", tls="server", advertise="localhost"),
    "off": SandboxConfig(listen="localhost:0", tls="off"),
}
MODES = ["mutual", "server", "off"]


@dataclasses.dataclass(frozen=True)
class Served:
    sandbox: ScopedSandbox
    library: ServedLibrary

    @property
    def connection(self) -> Connection:
        return self.library.for_network().connection

    @property
    def port(self) -> int:
        return int(self.connection.endpoint.rpartition(":")[2])


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, interface_file: Callable[[str], Path]
) -> Iterator[Mapping[str, Served]]:
    """A sandbox of each kind, all with the same interface."""
    file = interface_file(SOURCE)
    sandboxes = {name: ScopedSandbox(config) for name, config in CONFIGS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("network")))
        patch.delenv("SEER_BACKEND", raising=False)
        for sandbox in sandboxes.values():
            sandbox.start()
    try:
        yield {
            name: Served(sandbox, sandbox.serve(file, name="tools"))
            for name, sandbox in sandboxes.items()
        }
    finally:
        for sandbox in sandboxes.values():
            sandbox.terminate()


@pytest.fixture
def refusal() -> Callable[[Connection], SeerError]:
    """Open a session that must not come about; gives the error."""

    def refuse(connection: Connection) -> SeerError:
        begin = time.monotonic()
        with pytest.raises(SeerError) as caught:
            Session(connection)
        # Sooner than one that is lost is given up.
        assert time.monotonic() - begin < 25
        assert caught.value.hint
        assert caught.value.started is False
        for word in ("SSL", "ipv4:", "errno", "UNAVAILABLE"):
            assert word not in str(caught.value)
        for chained in (caught.value.__cause__, caught.value.__context__):
            assert not isinstance(chained, grpc.RpcError)
        return caught.value

    return refuse


@pytest.mark.parametrize("mode", MODES)
def test_values_streams_and_arrays_cross_whatever_guards_the_port(
    served: Mapping[str, Served], mode: str
) -> None:
    values = np.arange(2_000_000, dtype=np.float64)
    with Session(served[mode].connection) as session:
        assert session.call("add", [1, 2], {}) == 3
        assert list(session.call("count", [5000], {})) == list(range(5000))
        assert np.array_equal(session.call("double", [values], {}), values * 2)


@pytest.mark.parametrize("mode", MODES)
def test_the_socket_serves_this_machine_beside_the_port(
    served: Mapping[str, Served], mode: str
) -> None:
    library = served[mode].library
    assert library.connection.endpoint.startswith("unix:")
    assert library.connection == served[mode].sandbox.connection("tools")
    assert not library.connection.ca_certificate
    with Session(library.connection) as here, Session(served[mode].connection) as there:
        assert here.call("processes", [], {}) == there.call("processes", [], {})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("token", ["", "wrong"])
def test_the_token_is_needed_whatever_guards_the_port(
    served: Mapping[str, Served],
    mode: str,
    token: str,
    refusal: Callable[[Connection], SeerError],
) -> None:
    error = refusal(dataclasses.replace(served[mode].connection, token=token))

    assert isinstance(error, AuthenticationError)
    assert "refused the token" in error.message


def test_each_mode_gives_its_clients_what_they_need_and_no_more(
    served: Mapping[str, Served],
) -> None:
    given = {
        mode: {name for name, value in vars(served[mode].connection).items() if value}
        - {"interface", "endpoint", "token"}
        for mode in MODES
    }

    assert given == {
        "mutual": {"ca_certificate", "client_certificate", "client_key"},
        "server": {"ca_certificate"},
        "off": set(),
    }


def test_what_is_advertised_is_where_clients_go(served: Mapping[str, Served]) -> None:
    assert served["server"].connection.endpoint == f"localhost:{served['server'].port}"
    assert served["mutual"].connection.endpoint == f"127.0.0.1:{served['mutual'].port}"
    config = SandboxConfig(listen="127.0.0.1:0", advertise="gateway.example.org:443")
    with ScopedSandbox(config) as sandbox:
        assert sandbox._run is not None
        assert sandbox._run.machine.network is not None
        assert sandbox._run.machine.network.endpoint == "gateway.example.org:443"


def changed(served: Mapping[str, Served], mode: str, **changes: str) -> Connection:
    return dataclasses.replace(served[mode].connection, **changes)


WITHOUT_CERTIFICATE = {"client_certificate": "", "client_key": ""}
PLAIN = {"ca_certificate": "", **WITHOUT_CERTIFICATE}

Refusal = tuple[Callable[[Mapping[str, Served]], Connection], type[SeerError], str]

REFUSALS: dict[str, Refusal] = {
    "another sandbox's authority": (
        lambda served: changed(
            served, "server", ca_certificate=served["mutual"].connection.ca_certificate
        ),
        AuthenticationError,
        "is not the sandbox that the connection was made for",
    ),
    "another sandbox's connection": (
        lambda served: changed(served, "another", endpoint=served["mutual"].connection.endpoint),
        AuthenticationError,
        "is not the sandbox that the connection was made for",
    ),
    "another sandbox's client certificate": (
        lambda served: changed(
            served,
            "mutual",
            client_certificate=served["another"].connection.client_certificate,
            client_key=served["another"].connection.client_key,
        ),
        AuthenticationError,
        "may not know the client certificate",
    ),
    "a name that is not in the certificate": (
        lambda served: changed(served, "server", endpoint=f"127.0.0.2:{served['server'].port}"),
        AuthenticationError,
        "has no certificate for that name",
    ),
    "no client certificate": (
        lambda served: changed(served, "mutual", **WITHOUT_CERTIFICATE),
        AuthenticationError,
        "has no client certificate, and the sandbox may want one",
    ),
    "plaintext to a server that encrypts": (
        lambda served: changed(served, "server", **PLAIN),
        SessionError,
        "is not encrypted, and the sandbox may want that",
    ),
    "plaintext to one that wants certificates": (
        lambda served: changed(served, "mutual", **PLAIN),
        SessionError,
        "is not encrypted, and the sandbox may want that",
    ),
    "encryption to a server that does not": (
        lambda served: changed(served, "mutual", endpoint=served["off"].connection.endpoint),
        SessionError,
        "does not encrypt, and the connection says that it would",
    ),
    "a certificate that is none": (
        lambda served: changed(served, "mutual", ca_certificate="-----BEGIN"),
        ConnectionFileError,
        "cannot be used",
    ),
    "a key that is not the certificate's": (
        lambda served: changed(
            served, "mutual", client_key=served["another"].connection.client_key
        ),
        ConnectionFileError,
        "cannot be used",
    ),
    "a name that nobody knows": (
        lambda served: changed(served, "mutual", endpoint="no-such-host.invalid:8443"),
        SandboxLostError,
        "knows of none by the name",
    ),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_who_does_not_fit_is_told_in_plain_words_and_at_once(
    served: Mapping[str, Served], kind: str, refusal: Callable[[Connection], SeerError]
) -> None:
    make, cls, words = REFUSALS[kind]
    error = refusal(make(served))

    assert type(error) is cls
    assert words in error.message


@pytest.mark.parametrize("mode", ["mutual", "off"])
def test_a_port_where_nobody_speaks_is_given_up(
    served: Mapping[str, Served], mode: str, refusal: Callable[[Connection], SeerError]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refusal(changed(served, mode, endpoint=f"127.0.0.1:{silent.getsockname()[1]}"))

    assert isinstance(error, SandboxLostError)
    assert "does not answer" in error.message


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Have somebody who is no sandbox answer one caller; gives the address."""
    with contextlib.ExitStack() as stack:

        def listen(answer: bytes) -> str:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def answer_one() -> None:
                caller, _ = server.accept()
                with caller:
                    caller.recv(1)
                    caller.sendall(answer)

            thread = threading.Thread(target=answer_one, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            return f"127.0.0.1:{server.getsockname()[1]}"

        yield listen


@pytest.mark.parametrize("mode", ["mutual", "off"])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_a_port_of_something_else_is_given_up(
    served: Mapping[str, Served],
    mode: str,
    answer: bytes,
    answering: Callable[[bytes], str],
    refusal: Callable[[Connection], SeerError],
) -> None:
    error = refusal(changed(served, mode, endpoint=answering(answer)))

    assert isinstance(error, SessionError)
    assert not isinstance(error, SandboxLostError)


@pytest.mark.parametrize("mode", ["mutual", "off"])
def test_a_proxy_that_refuses_is_named(
    served: Mapping[str, Served],
    mode: str,
    answering: Callable[[bytes], str],
    refusal: Callable[[Connection], SeerError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    monkeypatch.setenv("http_proxy", f"http://{answering(refused)}")
    for variable in ("grpc_proxy", "https_proxy", "no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(variable, raising=False)
    error = refusal(served[mode].connection)

    assert "the proxy that this machine is set to use" in error.message
    assert "no_proxy" in error.hint


def test_a_port_that_is_closed_is_given_up(
    served: Mapping[str, Served], refusal: Callable[[Connection], SeerError]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        endpoint = f"127.0.0.1:{unused.getsockname()[1]}"
    error = refusal(changed(served, "mutual", endpoint=endpoint))

    assert isinstance(error, SandboxLostError)
    assert "nothing answers" in error.message


def test_strangers_at_the_port_disturb_nobody_and_leave_no_log(
    served: Mapping[str, Served], refusal: Callable[[Connection], SeerError]
) -> None:
    sandbox, port = served["mutual"].sandbox, served["mutual"].port
    before = sandbox.rpc_logs(100_000)
    with Session(served["mutual"].connection) as session:
        for garbage in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + os.urandom(500)):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(garbage)
        refusal(changed(served, "mutual", **WITHOUT_CERTIFICATE))
        assert session.call("add", [1, 2], {}) == 3

    assert sandbox.rpc_logs(100_000) == before


def test_a_front_that_dies_ends_the_session_with_an_error_of_this_library(
    interface_file: Callable[[str], Path], wait_until: Callable[..., None]
) -> None:
    with ScopedSandbox(SandboxConfig(listen="127.0.0.1:0")) as sandbox:
        library = sandbox.serve(interface_file(SOURCE), name="tools")
        session = Session(library.for_network().connection, patience=1.0)
        os.kill(on_host(sandbox, session.call("processes", [], {}))[0], signal.SIGKILL)

        wait_until(lambda: session.lost)
        with pytest.raises(SandboxLostError, match="is lost") as caught:
            session.call("add", [1, 2], {})
        assert not isinstance(caught.value.__cause__, grpc.RpcError)
        session.close()


def test_the_keys_are_in_no_command_line_environment_file_log_or_representation(
    interface_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[certificates.Certificates] = []
    make = certificates.make_certificates

    def make_and_tell(
        sandbox_id: str, hosts: Sequence[str], lifetime: float
    ) -> certificates.Certificates:
        made.append(make(sandbox_id, hosts, lifetime))
        return made[-1]

    monkeypatch.setattr(certificates, "make_certificates", make_and_tell)
    with ScopedSandbox(SandboxConfig(listen="127.0.0.1:0")) as sandbox:
        library = sandbox.serve(interface_file(SOURCE), name="tools")
        remote = library.for_network()
        with Session(remote.connection) as session:
            with pytest.raises(SeerError) as caught:
                session.call("fail", [], {})
            processes = on_host(sandbox, session.call("processes", [], {}))
        assert sandbox._run is not None
        Workspace(libraries=[remote]).install(tmp_path)
        folder = Path(library.connection.endpoint.removeprefix("unix:")).parent
        places: dict[str, bytes] = {
            "the error": str(caught.value).encode(),
            "the log": sandbox.rpc_logs(100_000).encode(),
            "the docs": remote.docs.encode(),
            "what is for this machine": library.connection.to_json().encode(),
            "representations": repr(
                (remote.connection, remote, sandbox, sandbox._run, sandbox._run.machine.network)
            ).encode(),
        }
        for process in (*processes, os.getpid()):
            for name in ("cmdline", "environ"):
                places[f"{process}/{name}"] = Path(f"/proc/{process}/{name}").read_bytes()
        for place in (folder, tmp_path):
            for file in place.rglob("*"):
                if file.is_file():
                    places[str(file)] = file.read_bytes()
    secret = tmp_path / ".seer" / "tools.json"
    keys = [pair.key for pair in (made[0].server, made[0].client)]
    # Text that only this key has, and that no way of escaping line ends changes.
    needles = [key.splitlines()[2].encode() for key in keys]

    assert len(made) == 1
    assert secret.stat().st_mode & 0o777 == 0o600
    assert json.loads(secret.read_text())["client_key"] == keys[1]
    assert needles[0] not in places[str(secret)]
    assert needles[1] in places.pop(str(secret))
    assert any(b"loading" in content for content in places.values())
    for needle in needles:
        assert [place for place, content in places.items() if needle in content] == []


def test_a_library_that_was_copied_to_another_place_works_there(
    served: Mapping[str, Served], tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    Workspace(libraries=[served["mutual"].library.for_network()]).install(here)
    shutil.copytree(here, there)
    shutil.rmtree(here)

    finished = subprocess.run(
        [sys.executable, "-c", "import tools; print(tools.add(1, 2), list(tools.count(3)))"],
        cwd=there,
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout == "3 [0, 1, 2]\n"


def test_a_sandbox_that_does_not_listen_has_no_connection_for_others(
    scoped: ScopedSandbox, interface_file: Callable[[str], Path]
) -> None:
    library = scoped.serve(interface_file(SOURCE), name="tools")

    with pytest.raises(ConfigError, match="from this machine alone") as caught:
        library.for_network()
    assert "listen=" in caught.value.hint
    with pytest.raises(ConfigError, match="from this machine alone"):
        scoped.network_connection("tools")


def test_a_port_that_is_taken_is_an_error_that_names_it(served: Mapping[str, Served]) -> None:
    taken = f"127.0.0.1:{served['mutual'].port}"

    with pytest.raises(SandboxStartError) as caught:
        ScopedSandbox(SandboxConfig(listen=taken)).start()
    assert f"cannot listen at {taken}" in str(caught.value)


def test_without_the_package_that_makes_certificates_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "seer_rpc.backends.certificates", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(PackageMissingError, match="cryptography") as caught:
        ScopedSandbox(SandboxConfig(listen="127.0.0.1:0")).start()
    assert "seer-rpc[tls]" in caught.value.hint
    with ScopedSandbox(SandboxConfig(listen="127.0.0.1:0", tls="off")):
        pass


# By address.


@pytest.fixture
def from_here_alone(write: Callable[..., Path]) -> Iterator[Callable[..., Served]]:
    """Start a sandbox that answers calls from some networks."""
    with contextlib.ExitStack() as ends:

        def start(*networks: str) -> Served:
            config = SandboxConfig(listen="127.0.0.1:0", allow_from=list(networks))
            sandbox = ends.enter_context(ScopedSandbox(config))
            return Served(sandbox, sandbox.serve(write(SOURCE), name="tools"))

        yield start


def test_who_is_allowed_calls_as_ever(from_here_alone: Callable[..., Served]) -> None:
    served = from_here_alone("203.0.113.0/24", "127.0.0.1")

    with Session(served.connection) as session:
        assert session.call("add", [1, 2], {}) == 3
        assert list(session.call("count", [5000], {})) == list(range(5000))


def test_who_is_not_allowed_is_turned_away_whatever_is_called(
    from_here_alone: Callable[..., Served], refusal: Callable[[Connection], SeerError]
) -> None:
    served = from_here_alone("203.0.113.0/24")

    error = refusal(served.connection)
    assert isinstance(error, AuthenticationError)
    assert "turned this machine away" in error.message
    assert "allow_from" in error.hint
    assert served.sandbox._run is not None
    control = Control(dataclasses.replace(served.connection, token=served.sandbox._run.admin_token))
    for call in (control.interfaces, control.stop):
        with pytest.raises(AuthenticationError, match="turned this machine away"):
            call()
    control.close()
    # This machine's own way is the socket file.
    with Session(served.library.connection) as session:
        assert session.call("add", [1, 2], {}) == 3


def test_whoever_is_connected_hears_why_the_sandbox_ended(
    interface_file: Callable[[str], Path], wait_until: Callable[..., None]
) -> None:
    with ScopedSandbox(SandboxConfig(listen="127.0.0.1:0")) as owner:
        library = owner.serve(interface_file(SOURCE), name="tools")
        with Session(library.for_network().connection) as session:
            assert session.call("add", [1, 2], {}) == 3
            ScopedSandbox.from_id(owner.sandbox_id).terminate()
            # It does not try to return for half a minute.
            wait_until(lambda: session.lost is not None)
            with pytest.raises(SandboxLostError, match="gone: it was asked to stop"):
                session.call("add", [1, 2], {})
