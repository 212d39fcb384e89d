"""What goes wrong beside the calls: doors, strangers, memory, and clients that stop or vanish."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import SessionError
from seer_runtime.wire.frames import HEADER, MAGIC, VERSION, Frame, Kind, encode_frame
from seer_runtime.wire.ledger import Ledger
from seer_runtime.wire.openings import Opening
from seer_runtime.wire.sharing import _IDLE
from seer_runtime.wire.sockets import FrameSocket
from tests.integration.ways import (
    DIRECT,
    DOOR,
    NETWORKED,
    WAYS,
    held,
    hidden_doors,
    open_session,
    running,
)
from tests.pids import on_host

WaitUntil = Callable[..., None]

SOURCE = """
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np


@expose
def processes() -> list[int]:
    return [os.getppid(), os.getpid()]


@expose
def echo(value):
    return value


@expose
def full(size: int, value: int) -> np.ndarray:
    return np.full(size, value, np.int64)


@expose
def text(size: int) -> list[str]:
    # Neither an array nor one large string: it stays in the frame.
    return ["x" * 1000] * (size // 1000)


@expose
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@expose
def hold(file: str) -> None:
    while not (Path.home().parent / "workspace" / file).exists():
        time.sleep(0.01)


@expose(concurrent=True)
async def wait() -> None:
    import asyncio
    await asyncio.sleep(600)


@expose
def count(end: int) -> Iterator[int]:
    yield from range(end)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ScopedSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEER_BACKEND", raising=False)
        sandbox = ScopedSandbox(NETWORKED).start()
    with sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def name(sandbox: ScopedSandbox, interface_file: Callable[[str], Path]) -> str:
    return sandbox.serve(interface_file(SOURCE)).name


@pytest.fixture
def session(sandbox: ScopedSandbox, name: str) -> Iterator[Session]:
    with open_session(sandbox, name, DIRECT) as session:
        yield session


def opening(session: Session) -> Opening:
    assert session._direct is not None
    return session._direct._opening


def client(session: Session) -> int:
    """Give what tells the worker that it is the session's own client who comes once more."""
    assert session._direct is not None
    return session._direct._client


def knock(session: Session) -> FrameSocket:
    """Connect to the worker's door, and say nothing."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(opening(session).socket)
    return FrameSocket(connection)


def ends(stranger: FrameSocket, seconds: float = 5.0) -> bool:
    """Tell whether the worker ends the connection."""
    try:
        while stranger.wait(seconds):
            if stranger.read() is None:
                continue
            return False
    except EOFError:
        return True
    finally:
        stranger.close()
    return False


@pytest.fixture
def child(sandbox: ScopedSandbox, name: str, tmp_path: Path) -> Iterator[Any]:
    """Start a client in a process of its own, with a session: `session`, and a `ready()`."""
    processes: list[subprocess.Popen[str]] = []
    connection = tmp_path / "connection.json"

    def start(code: str, way: str = DIRECT) -> subprocess.Popen[str]:
        connect = sandbox.connection if way == DIRECT else sandbox.network_connection
        connection.write_text(connect(name).to_json())
        connection.chmod(0o600)
        head = f"""
            import os, resource, signal, sys, threading, time
            from pathlib import Path
            import numpy as np
            from seer_rpc.client import Connection, Session

            def ready():
                print("ready", flush=True)

            session = Session(Connection.read(Path({str(connection)!r})))
        """
        source = textwrap.dedent(head) + textwrap.dedent(code)
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", source], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_without_the_workers_socket_calls_go_through_the_front(
    sandbox: ScopedSandbox, name: str
) -> None:
    with open_session(sandbox, name, DOOR) as session:
        assert session.call("echo", [1], {}) == 1


def test_a_worker_that_does_not_answer_costs_little_time(sandbox: ScopedSandbox, name: str) -> None:
    with hidden_doors(sandbox, name) as doors:
        impostors = [socket.socket(socket.AF_UNIX) for _ in doors]
        for impostor, door in zip(impostors, doors, strict=True):
            impostor.bind(str(door))
            impostor.listen()
        since = time.monotonic()
        with Session(sandbox.connection(name)) as session:
            assert session.call("echo", [1], {}) == 1
            assert session._direct is None
        assert 0.2 < time.monotonic() - since < 20
        for impostor, door in zip(impostors, doors, strict=True):
            impostor.close()
            door.unlink()


def test_a_wrong_proof_is_refused(session: Session) -> None:
    for proof in (b"", bytes(32), opening(session).proof[:-1], opening(session).proof + b"x"):
        stranger = knock(session)
        stranger.send(Frame(Kind.HELLO, session.id, body=proof))
        assert ends(stranger)

    other = knock(session)
    other.send(Frame(Kind.HELLO, bytes(16), body=opening(session).proof))
    assert ends(other)


@pytest.mark.parametrize(
    "greeting",
    [
        b"GET / HTTP/1.1\r\n\r\n" + bytes(200),
        encode_frame(Frame(Kind.CALL, bytes(16), 1, name="echo")),
        HEADER.pack(MAGIC, VERSION, Kind.HELLO, 1 << 20, bytes(16), 0, 0, 0, 0, 0, 0),
    ],
)
def test_whoever_does_not_greet_is_turned_away(session: Session, greeting: bytes) -> None:
    stranger = knock(session)
    stranger.send_bytes(greeting)

    assert ends(stranger)
    assert session.call("echo", [1], {}) == 1


def test_strangers_that_say_nothing_hold_up_nobody_and_are_dropped(
    sandbox: ScopedSandbox, session: Session, wait_until: WaitUntil
) -> None:
    front, worker = session.call("processes", [], {})
    here = on_host(sandbox, worker)
    before = held(here)
    strangers = [knock(session) for _ in range(50)]
    strangers[0].send_bytes(encode_frame(Frame(Kind.HELLO, session.id))[:-1])
    for _ in range(100):
        session.call("echo", [1], {}, timeout=60)

    assert all(ends(stranger) for stranger in strangers)
    assert session.call("processes", [], {}) == [front, worker]
    # Of what there was before, some may be gone: other tests have used this worker.
    wait_until(lambda: held(here)["descriptors"] <= before["descriptors"])


def test_clients_that_leave_right_after_their_greeting_do_no_harm(session: Session) -> None:
    processes = session.call("processes", [], {})
    for _ in range(1500):
        stranger = knock(session)
        stranger.send(Frame(Kind.HELLO, session.id, client(session), body=opening(session).proof))
        stranger.close()

    assert session.call("processes", [], {}) == processes


def test_a_guest_that_breaks_the_protocol_harms_only_itself(session: Session) -> None:
    guest = knock(session)
    guest.send(Frame(Kind.HELLO, session.id, client(session), body=opening(session).proof))
    welcome = guest.receive()
    assert welcome.kind is Kind.WELCOME
    guest.send_bytes(bytes(500))

    assert ends(guest)
    assert session.call("echo", [1], {}) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_another_user_is_refused(session: Session) -> None:
    door, proof = opening(session).socket, opening(session).proof
    # What would keep others out is not what is tested.
    folder = Path(door).parent
    opened = [*folder.parents, folder, Path(door)]
    modes = {each: each.stat().st_mode for each in opened}
    try:
        for each in opened:
            with contextlib.suppress(PermissionError):
                each.chmod(0o777)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgid(65534)
                os.setuid(65534)
                stranger = socket.socket(socket.AF_UNIX)
                stranger.connect(door)
                framed = FrameSocket(stranger)
                with contextlib.suppress(OSError):
                    framed.send(Frame(Kind.HELLO, session.id, body=proof))
                code = 42 if ends(framed) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    finally:
        for each, mode in modes.items():
            with contextlib.suppress(PermissionError):
                each.chmod(mode)


@pytest.mark.parametrize("way", [DIRECT, "grpc"])
def test_values_cross_where_the_client_gets_no_shared_memory(child: Any, way: str) -> None:
    process = child(
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        values = np.arange(1_000_000)
        assert (session.call("echo", [values], {}) == values).all()
        assert session.call("echo", [[b"x" * 5_000_000]], {}) == [b"x" * 5_000_000]
        assert (session.call("full", [1_000_000, 3], {}) == 3).all()
        ready()
        """,
        way,
    )
    assert process.wait(60) == 0


def test_values_cross_where_the_client_gets_no_descriptors(child: Any) -> None:
    process = child(
        """
        session.call("full", [1_000_000, 3], {})
        resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
        values = np.arange(1_000_000)
        held = [session.call("echo", [values + n], {}) for n in range(40)]
        assert all((each == values + n).all() for n, each in enumerate(held))
        ready()
        """
    )
    assert process.wait(60) == 0


@pytest.mark.parametrize("way", [DIRECT, "grpc"])
@pytest.mark.parametrize("call", ['("full", [20_000_000, 3], {})', '("text", [20_000_000], {})'])
def test_a_client_that_is_stopped_holds_up_nobody(
    child: Any, session: Session, way: str, call: str
) -> None:
    process = child(
        f"""
        threading.Timer(0.02, os.kill, [os.getpid(), signal.SIGSTOP]).start()
        ready()
        result = session.call{call}
        assert len(result) in (20_000_000, 20_000)
        """,
        way,
    )
    time.sleep(0.1)
    for _ in range(20):
        assert session.call("echo", [1], {}, timeout=60) == 1

    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0


@pytest.mark.parametrize("way", [DIRECT, "grpc"])
def test_the_call_of_a_client_that_is_killed_is_ended_after_its_lease(
    child: Any, session: Session, wait_until: WaitUntil, way: str
) -> None:
    process = child(
        """
        if session._direct is None:
            session.close()
            connection = session._relay._connection
            session = Session(connection, patience=0.0)
        threading.Timer(0.3, ready).start()
        session.call("wait", [], {})
        """,
        way,
    )
    ledger = session._relay.ledger
    wait_until(lambda: list(Ledger.read(ledger).all_running()))
    process.kill()

    wait_until(lambda: not list(Ledger.read(ledger).all_running()))


def test_a_forked_client_does_no_harm_to_its_parent(child: Any) -> None:
    process = child(
        """
        held = session.call("full", [100_000, 1], {})
        stream = session.call("count", [10**6], {})
        assert next(stream) == 0
        pid = os.fork()
        if pid == 0:
            held[:] = 9
            del held, stream
            import gc; gc.collect()
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert (held == 1).all()
        assert next(stream) == 1
        del stream
        for value in range(20):
            assert (session.call("full", [100_000, value], {}) == value).all()
        assert (held == 1).all()
        ready()
        """
    )
    assert process.wait(60) == 0


def test_a_forked_client_that_calls_is_told_not_to(child: Any) -> None:
    process = child(
        """
        from seer_rpc.errors import SessionError

        session.call("echo", [0], {})
        pid = os.fork()
        if pid == 0:
            try:
                session.call("echo", ["child"], {}, timeout=3)
            except SessionError as error:
                os._exit(0 if "fork" in str(error) else 1)
            os._exit(2)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == 0, code
        assert session.call("echo", ["parent"], {}) == "parent"
        ready()
        """
    )
    assert process.wait(60) == 0


@pytest.mark.parametrize("way", WAYS)
def test_memory_that_nobody_has_ends_the_connection_and_no_more(
    sandbox: ScopedSandbox, name: str, session: Session, way: str
) -> None:
    processes = session.call("processes", [], {})
    for size in (1 << 62, (1 << 64) - 1):
        bad = open_session(sandbox, name, DOOR if way == DIRECT else way, patience=0.0)
        fields = (Kind.CALL, 1, bad.id, 1, 0, 0, 0, 4, 16 + 4)
        entry = size.to_bytes(8, "little") + ((1 << 64) - 1).to_bytes(8, "little")
        message = HEADER.pack(MAGIC, VERSION, *fields) + entry + b"echo"
        bad._relay._link._outbox._outgoing._small.append(message)  # type: ignore[attr-defined]
        with pytest.raises(SessionError):
            bad.call("echo", [1], {}, timeout=5)
        bad.close()

    assert session.call("processes", [], {}) == processes


def test_a_queue_that_is_full_refuses(sandbox: ScopedSandbox, name: str) -> None:
    import asyncio

    from seer_rpc.errors import QueueFullError
    from seer_runtime.front.calls import MOST_WAITING
    from seer_runtime.wire.limits import WINDOW

    sessions = [open_session(sandbox, name, DOOR) for _ in range(MOST_WAITING // WINDOW + 2)]

    async def fill() -> list[Any]:
        holding = asyncio.create_task(sessions[0].call_async("hold", ["go on"], {}))
        while not running(sessions[0]):
            await asyncio.sleep(0.01)
        calls = [
            asyncio.ensure_future(each.call_async("echo", [n], {}))
            for n in range(WINDOW - 1)
            for each in sessions
        ]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(sandbox.write_file, "go on", "")
        results = await asyncio.gather(*calls, return_exceptions=True)
        await holding
        return results

    results = asyncio.run(fill())
    refused = [each for each in results if isinstance(each, QueueFullError)]
    assert 0 < len(refused) < len(results) - MOST_WAITING + 100
    assert not refused[0].started
    assert all(isinstance(each, int | QueueFullError) for each in results)
    for each in sessions:
        each.close()


def test_direct_calls_that_are_given_up_too_late_take_nobodys_turn(
    sandbox: ScopedSandbox, name: str, session: Session
) -> None:
    for number in range(100):
        session.call("echo", [number], {})
    for seq in range(session._relay.numbers.acked - 99, session._relay.numbers.acked + 1):
        session._relay._link.send(Frame(Kind.CANCEL, session.id, seq, epoch=session.epoch))

    with open_session(sandbox, name, DOOR) as other:
        for number in range(20):
            assert other.call("echo", [number], {}, timeout=60) == number


def test_many_calls_and_sessions_leave_nothing_behind(
    sandbox: ScopedSandbox, name: str, session: Session, wait_until: WaitUntil
) -> None:
    processes = [os.getpid(), *on_host(sandbox, session.call("processes", [], {}))]
    values = np.zeros(30_000)

    def use(calls: int, cycles: int) -> None:
        for number in range(calls):
            session.call("echo", [number], {})
            if number % 50 == 0:
                session.call("echo", [values], {})
                with contextlib.closing(session.call("count", [10**6], {})) as stream:
                    next(stream)
        for number in range(cycles):
            with open_session(sandbox, name, WAYS[number % 3]) as other:
                other.call("echo", [values], {})

    def flat() -> bool:
        now = [held(each) for each in processes]
        counts = [
            (each["descriptors"], each["threads"], each["blocks"], each["mapped"]) for each in now
        ]
        # The front keeps some of what workers showed it mapped.
        kept = (0, _IDLE, 0)
        allowed = [
            (
                each["descriptors"] + 8 + more,
                each["threads"] + 3,
                each["blocks"] + 6 + more,
                each["mapped"] + 4 + more,
            )
            for each, more in zip(before, kept, strict=True)
        ]
        fits = all(
            all(have <= may for have, may in zip(*pair, strict=True))
            for pair in zip(counts, allowed, strict=True)
        )
        return fits and all(
            each["memory"] < 1.25 * then["memory"] + (4 << 10)
            for each, then in zip(now, before, strict=True)
        )

    use(1000, 12)
    time.sleep(0.5)
    before = [held(each) for each in processes]
    use(10_000, 100)
    try:
        wait_until(flat)
    except AssertionError:
        pytest.fail(f"before {before}, now {[held(each) for each in processes]}")
