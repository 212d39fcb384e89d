"""Nobody gets in without a token, and the tokens are nowhere to be found."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from seer_rpc.client import Connection, Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import AuthenticationError, ConnectionFileError, SeerError
from seer_rpc.workspace import Library, Workspace
from seer_runtime.wire.limits import SESSION_METHOD
from seer_runtime.wire.pb import runtime_pb2
from tests.pids import on_host

METHODS = sorted(
    [
        SESSION_METHOD,
        *(
            f"/{service.full_name}/{method.name}"
            for file in (runtime_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR)
            for service in file.services_by_name.values()
            for method in service.methods
        ),
    ]
)
ADMIN_METHODS = [method for method in METHODS if "Runtime" in method or "Workbench" in method]


def metadata_with(*tokens: str) -> list[tuple[str, str]]:
    return [("authorization", token) for token in tokens]


BAD: dict[str, Callable[[str], list[tuple[str, str]]]] = {
    "none": lambda token: [],
    "empty": lambda token: metadata_with(""),
    "only the scheme": lambda token: metadata_with("Bearer "),
    "wrong": lambda token: metadata_with("Bearer " + "x" * len(token)),
    "truncated": lambda token: metadata_with(f"Bearer {token[:-1]}"),
    "longer": lambda token: metadata_with(f"Bearer {token}x"),
    "another case": lambda token: metadata_with(f"Bearer {token.swapcase()}"),
    "another scheme": lambda token: metadata_with(f"Basic {token}"),
    "twice, wrong one last": lambda token: metadata_with(f"Bearer {token}", "Bearer x"),
    "huge": lambda token: metadata_with("Bearer " + token * 100),
    "under another name": lambda token: [("x-authorization", f"Bearer {token}")],
    "as bytes": lambda token: [("authorization-bin", f"Bearer {token}")],
}


def run_of(sandbox: ScopedSandbox) -> Any:
    """Give what the sandbox keeps to itself, its tokens among it."""
    assert sandbox._run is not None
    return sandbox._run


class Served:
    """A sandbox with an interface, and what the tests know of it."""

    def __init__(self, sandbox: ScopedSandbox, library: Library) -> None:
        self.sandbox = sandbox
        self.library = library
        self.connection = sandbox.connection(library.name)
        self.call_token = self.connection.token
        self.admin_token = run_of(sandbox).admin_token
        self.socket = Path(self.connection.endpoint.removeprefix("unix:"))
        self.session = Session(self.connection)
        self.front = int(self.session.call("parent", [], {}))
        self.worker = int(self.session.call("process", [], {}))


@pytest.fixture(scope="module")
def served(shared: ScopedSandbox, interface_file: Callable[[str], Path]) -> Iterator[Served]:
    library = shared.serve(
        interface_file(
            """
            import os
            import sys

            print("loading", dict(os.environ), sys.argv)

            @expose
            def parent() -> int:
                return os.getppid()

            @expose
            def process() -> int:
                return os.getpid()

            @expose
            def fail():
                raise ValueError(dict(os.environ))
            """
        )
    )
    served = Served(shared, library)
    yield served
    served.session.close()


def ask(endpoint: str, method: str, metadata: list[tuple[str, Any]]) -> tuple[Any, str]:
    """Call a method with an empty message; gives status and details."""
    with grpc.insecure_channel(endpoint) as channel:
        call = channel.stream_stream(method, request_serializer=bytes, response_deserializer=bytes)(
            iter([b""]), metadata=tuple(metadata), timeout=10
        )
        with contextlib.suppress(grpc.RpcError):
            list(call)
        return call.code(), call.details()


def test_the_methods_are_those_of_the_runtime_and_of_the_health_service() -> None:
    assert "/grpc.health.v1.Health/Check" in METHODS
    assert set(ADMIN_METHODS) <= set(METHODS)


@pytest.mark.parametrize("method", [*METHODS, "/seer.v1.Runtime/Nothing", "/no.Service/Nothing"])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_token_is_refused_by_every_method_in_the_same_words(
    served: Served, method: str, kind: str
) -> None:
    for token in (served.call_token, served.admin_token):
        metadata = [
            (name, value.encode() if name.endswith("-bin") else value)
            for name, value in BAD[kind](token)
        ]
        answer = ask(served.connection.endpoint, method, metadata)

        assert answer == (grpc.StatusCode.UNAUTHENTICATED, "a valid token is needed")


def test_a_token_larger_than_metadata_may_be_is_refused_and_others_go_on(served: Served) -> None:
    metadata = metadata_with("Bearer " + "x" * (1 << 20))
    for method in METHODS:
        code, _ = ask(served.connection.endpoint, method, metadata)
        assert code is not grpc.StatusCode.OK

    assert served.session.call("process", [], {}) == served.worker


@pytest.mark.parametrize(
    "token", [b"Bearer \xc3\xa9\xff\x00", b"\xff" * 40, b"Bearer \xed\xa0\x80"]
)
def test_a_token_that_is_no_text_gives_no_answer_and_others_go_on(
    served: Served, token: bytes
) -> None:
    # Clients of gRPC do not send such a thing; a bare HTTP/2 connection does.
    for method in METHODS:
        assert answers(served.socket, method.encode(), token) == []

    good = f"Bearer {served.call_token}".encode()
    serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
    assert answers(served.socket, b"/grpc.health.v1.Health/Check", good) == [
        b"\0" + struct.pack(">I", serving.ByteSize()) + serving.SerializeToString()
    ]


def answers(address: Path, method: bytes, token: bytes) -> list[bytes]:
    """Send one empty request over HTTP/2 by hand; gives the data that comes back."""
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", method),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        (b"authorization", token),
    ]
    block = b"".join(
        b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in headers
    )
    request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"")
    request += http2_frame(1, 4, 1, block) + http2_frame(0, 1, 1, bytes(5))
    data = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(address))
        connection.settimeout(10)
        connection.sendall(request)
        stream = connection.makefile("rb")
        while len(head := stream.read(9)) == 9:
            payload = stream.read(int.from_bytes(head[:3], "big"))
            kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
            if number == 1 and kind == 0 and payload:
                data.append(payload)
            # The stream ends with a flag or a reset, the connection with a farewell.
            if kind == 7 or (number == 1 and (kind == 3 or flags & 1)):
                break
        stream.close()
    return data


def http2_frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    length = len(payload).to_bytes(3, "big")
    return length + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


@pytest.mark.parametrize("method", ADMIN_METHODS)
def test_the_call_token_opens_no_method_of_the_owners(served: Served, method: str) -> None:
    code, details = ask(
        served.connection.endpoint, method, metadata_with(f"Bearer {served.call_token}")
    )

    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert served.call_token not in details


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_not_known_to_be_for_callers_is_the_owners(
    served: Served, method: str
) -> None:
    code, _ = ask(served.connection.endpoint, method, metadata_with(f"Bearer {served.call_token}"))
    for_callers = method in (
        SESSION_METHOD,
        "/seer.v1.Runtime/Describe",
        "/grpc.health.v1.Health/Check",
    )

    assert (code is grpc.StatusCode.PERMISSION_DENIED) is not for_callers
    assert code is not grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("token", ["", "wrong", "x" * 4000])
def test_a_session_with_a_wrong_token_is_refused(served: Served, token: str) -> None:
    connection = Connection(served.library.name, served.connection.endpoint, token)

    with pytest.raises(AuthenticationError) as caught:
        Session(connection)
    assert caught.value.hint
    assert caught.value.started is False


@pytest.mark.parametrize("token", ["tökén", "line\nbreak", "nul\0", "🔑", "x" * (1 << 20)])
def test_a_token_that_cannot_be_sent_is_an_error_of_this_library(
    served: Served, token: str
) -> None:
    with pytest.raises(SeerError) as caught:
        Session(Connection(served.library.name, served.connection.endpoint, token))

    assert token not in str(caught.value)


def test_a_session_id_of_another_session_is_refused(served: Served) -> None:
    # A second session cannot answer or repeat what belongs to the first.
    thief = Session(served.connection)
    thief._relay.id = served.session.id
    assert thief._direct is not None
    thief._direct.close()

    with pytest.raises(SeerError):
        thief.call("process", [], {})
    assert served.session.call("process", [], {}) == served.worker
    thief.close()


@pytest.fixture
def installed(
    served: Served, import_library: Callable[[Library], ModuleType]
) -> tuple[ModuleType, Path]:
    """The generated library, and its connection file."""
    module = import_library(served.library)
    assert module.__file__ is not None
    return module, Path(module.__file__).parent.parent / ".seer" / f"{served.library.name}.json"


def test_a_library_with_a_tampered_connection_file_is_refused(
    installed: tuple[ModuleType, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module, file = installed
    tampered = tmp_path / "tampered.json"
    tampered.touch(mode=0o600)
    tampered.write_text(json.dumps(json.loads(file.read_text()) | {"token": "guessed"}))
    monkeypatch.setenv("SEER_RPC_FILE", str(tampered))
    module._remote.close()

    with pytest.raises(AuthenticationError, match="refused the token"):
        module.process()
    monkeypatch.delenv("SEER_RPC_FILE")
    assert module.process() > 0


def test_a_library_with_an_open_connection_file_is_refused(
    installed: tuple[ModuleType, Path],
) -> None:
    module, file = installed
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    module._remote.close()
    file.chmod(0o644)
    try:
        with pytest.raises(ConnectionFileError, match="others"):
            module.process()
    finally:
        file.chmod(0o600)


def test_the_tokens_are_in_no_command_line_environment_file_log_or_error(
    served: Served, tmp_path: Path
) -> None:
    with pytest.raises(SeerError) as caught:
        served.session.call("fail", [], {})
    assert served.front != os.getpid()
    Workspace(libraries=[served.library]).install(tmp_path)
    places: dict[str, bytes] = {
        "the error": str(caught.value).encode(),
        "the log": served.sandbox.rpc_logs(100_000).encode(),
        "the docs": served.library.docs.encode(),
        "reprs": repr((served.connection, served.library, served.sandbox)).encode(),
        "the folder's listing": "\n".join(map(str, served.socket.parent.rglob("*"))).encode(),
    }
    front, worker = on_host(served.sandbox, [served.front, served.worker])
    for process in (front, worker):
        for name in ("cmdline", "environ"):
            places[f"{process}/{name}"] = Path(f"/proc/{process}/{name}").read_bytes()
    own = run_of(served.sandbox).machine.folder()
    # Sockets lie elsewhere where the paths would be too long for them.
    for folder in {own, served.socket.parents[1], tmp_path}:
        for file in folder.rglob("*"):
            if file.is_file():
                places[str(file)] = file.read_bytes()
    secret = tmp_path / ".seer" / f"{served.library.name}.json"
    assert served.call_token.encode() in places.pop(str(secret))
    # From which this user's other processes attach; nobody else may look there.
    record = next(place for place in places if place.endswith("/record.json"))
    assert stat.S_IMODE(os.stat(record).st_mode) == 0o600
    assert served.admin_token.encode() in places.pop(record)

    # The search finds what is there.
    assert b"seer_runtime" in places[f"{worker}/cmdline"]
    assert any(b"loading" in content for content in places.values())
    for token in (served.call_token, served.admin_token):
        assert [place for place, content in places.items() if token.encode() in content] == []


def test_the_admin_token_is_in_no_connection(served: Served) -> None:
    assert served.admin_token not in served.connection.to_json()
    assert served.admin_token not in json.dumps(served.library.private_files)
    assert served.admin_token != served.call_token


def test_the_socket_is_for_this_user_alone(served: Served) -> None:
    assert stat.S_ISSOCK(served.socket.stat().st_mode)
    assert stat.S_IMODE(served.socket.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(served.socket.parent.stat().st_mode) == 0o700


def test_a_socket_in_a_folder_with_a_long_name_is_for_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("n" * 90)
    monkeypatch.setenv("XDG_STATE_HOME", str(long))
    with ScopedSandbox() as sandbox:
        file = Path(run_of(sandbox).machine.endpoint.removeprefix("unix:"))

        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not file.parent.exists()
    assert list((long / "seer" / "sandboxes").iterdir()) == []


def test_every_sandbox_has_tokens_of_its_own() -> None:
    with ScopedSandbox() as first, ScopedSandbox() as second, ScopedSandbox() as third:
        sandboxes = [first, second, third]
        runs = [run_of(sandbox) for sandbox in sandboxes]
    tokens = {token for run in runs for token in (run.call_token, run.admin_token)}

    assert len(tokens) == 6
    assert min(map(len, tokens)) >= 40


def test_the_interfaces_process_cannot_find_a_usable_token(served: Served) -> None:
    # User code runs in the worker; what the front knows never gets there.
    needles = [served.call_token.encode(), served.admin_token.encode()]
    canary = uuid.uuid4().hex
    served.sandbox.serve(_canary_file(canary), name="canary")
    process = Session(served.sandbox.connection("canary"))
    worker = on_host(served.sandbox, process.call("process", [], {}))
    process.close()

    assert memory_holds(worker, [canary.encode()])
    assert not memory_holds(worker, needles)


def _canary_file(canary: str) -> Path:
    file = Path(os.environ["XDG_STATE_HOME"]) / "canary.py"
    file.write_text(
        f"import os\nKEPT = {canary!r}\n\n@expose\ndef process() -> int:\n    return os.getpid()\n"
    )
    return file


def memory_holds(process: int, needles: list[bytes]) -> bool:
    """Search the writable memory of a process of ours."""
    regions = [
        line.split()[0].split("-")
        for line in Path(f"/proc/{process}/maps").read_text().splitlines()
        if line.split()[1].startswith("rw")
    ]
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for start, end in regions:
            memory.seek(int(start, 16))
            try:
                content = memory.read(int(end, 16) - int(start, 16))
            except OSError:
                continue
            if any(needle in content for needle in needles):
                return True
    return False
