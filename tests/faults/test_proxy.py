"""The proxy does each fault, the same for the same seed, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.faults.plan import NETWORK, Directed, Direction, Fault, Injection, Plan
from tests.faults.proxy import Event, FaultProxy

pytestmark = pytest.mark.usefixtures("no_leaks")

Within = Callable[..., None]


class EchoServer:
    """Sends back what it gets, and knows how each connection went."""

    def __init__(self, listener: socket.socket) -> None:
        self.received: list[bytes] = []
        self.ends: dict[int, str] = {}
        self._listener = listener
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # A thread in accept() does not notice a close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                number = len(self.received)
                self.received.append(b"")
                threading.Thread(target=self._echo, args=(number, connection), daemon=True).start()

    def _echo(self, number: int, connection: socket.socket) -> None:
        end = "closed"
        with connection:
            try:
                while data := connection.recv(1 << 16):
                    self.received[number] += data
                    connection.sendall(data)
            except ConnectionError:
                end = "reset"
        self.ends[number] = end


@pytest.fixture
def server(no_leaks: None) -> Iterator[EchoServer]:
    echo = EchoServer(socket.create_server(("127.0.0.1", 0)))
    yield echo
    echo.close()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[FaultProxy]:
    host, port = server._listener.getsockname()
    with FaultProxy(f"{host}:{port}") as running:
        yield running


def connect(proxy: FaultProxy, timeout: float = 60.0) -> socket.socket:
    host, _, port = proxy.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)


def read_all(client: socket.socket) -> tuple[bytes, str]:
    """Read to the end; tell what the end was."""
    data = b""
    try:
        while piece := client.recv(1 << 16):
            data += piece
    except ConnectionError:
        return data, "reset"
    except TimeoutError:
        return data, "silence"
    return data, "closed"


def round_trip(client: socket.socket, data: bytes) -> bytes:
    threading.Thread(target=client.sendall, args=(data,), daemon=True).start()
    back = b""
    while len(back) < len(data):
        piece = client.recv(1 << 16)
        assert piece, "closed"
        back += piece
    return back


def inject(
    proxy: FaultProxy,
    fault: Fault,
    direction: Direction = Direction.REQUEST,
    offset: int = 0,
    seconds: float = 0.0,
) -> None:
    proxy.play(Directed(injections=(Injection(fault, direction, 0.0, offset, seconds),)))


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_without_a_plan_everything_passes(no_leaks: None, tmp_path: Path, family: str) -> None:
    if family == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "echo.sock"))
        listener.listen()
        target = f"unix:{tmp_path / 'echo.sock'}"
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        target = "{}:{}".format(*listener.getsockname())
    server = EchoServer(listener)
    data = bytes(range(256)) * 4096

    with FaultProxy(target) as proxy, connect(proxy) as client:
        assert round_trip(client, data) == data
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == (b"", "closed")
        assert proxy.injected == {}
    server.close()


def test_a_reset_in_the_middle_of_a_request(
    server: EchoServer, proxy: FaultProxy, within: Within
) -> None:
    inject(proxy, Fault.RST_REQUEST, Direction.REQUEST, offset=100)
    with connect(proxy) as client:
        client.sendall(b"x" * 1000)
        data, end = read_all(client)

    within(lambda: server.ends)
    assert end == "reset"
    assert len(data) <= 100
    assert len(server.received[0]) <= 100
    assert server.ends == {0: "reset"}
    assert proxy.events == [Event(1, Fault.RST_REQUEST, Direction.REQUEST, 100)]


def test_a_reset_in_the_middle_of_a_reply(
    server: EchoServer, proxy: FaultProxy, within: Within
) -> None:
    inject(proxy, Fault.RST_REPLY, Direction.REPLY, offset=700)
    with connect(proxy) as client:
        client.sendall(b"x" * 1000)
        data, end = read_all(client)

    within(lambda: server.ends)
    assert end == "reset"
    assert len(data) <= 700
    assert server.received == [b"x" * 1000]
    assert proxy.events == [Event(1, Fault.RST_REPLY, Direction.REPLY, 700)]


@pytest.mark.parametrize("offset", [1, 99, 1000])
def test_an_orderly_close_at_a_byte_of_the_reply(
    server: EchoServer, proxy: FaultProxy, within: Within, offset: int
) -> None:
    inject(proxy, Fault.FIN, Direction.REPLY, offset)
    with connect(proxy) as client:
        client.sendall(b"x" * 1000)
        assert read_all(client) == (b"x" * offset, "closed")

    within(lambda: server.ends)
    assert server.ends == {0: "closed"}


def test_an_orderly_close_at_a_byte_of_the_request(
    server: EchoServer, proxy: FaultProxy, within: Within
) -> None:
    inject(proxy, Fault.FIN, Direction.REQUEST, 300)
    with connect(proxy) as client:
        client.sendall(b"x" * 1000)
        assert read_all(client)[1] == "closed"

    within(lambda: server.ends)
    assert server.received == [b"x" * 300]
    assert server.ends == {0: "closed"}


def test_half_of_a_segment(server: EchoServer, proxy: FaultProxy, within: Within) -> None:
    with connect(proxy) as client:
        assert round_trip(client, b"x" * 50) == b"x" * 50
        inject(proxy, Fault.TRUNCATE, Direction.REQUEST)
        client.sendall(b"y" * 1000)
        assert read_all(client)[1] == "closed"

    within(lambda: server.ends)
    assert server.received == [b"x" * 50 + b"y" * 500]


def test_a_blackhole_swallows_both_ways_and_tells_nobody(
    server: EchoServer, proxy: FaultProxy, within: Within
) -> None:
    with connect(proxy) as client:
        round_trip(client, b"x")
        client.settimeout(0.3)
        inject(proxy, Fault.BLACKHOLE, seconds=2.0)
        client.sendall(b"y" * 1000)
        assert read_all(client) == (b"", "silence")

    time.sleep(0.2)
    assert server.ends == {}, "the server heard that the client gave up"
    within(lambda: server.ends)
    assert server.received == [b"x"]


@pytest.mark.parametrize("direction", Direction)
def test_a_blackhole_in_one_direction(
    server: EchoServer, proxy: FaultProxy, within: Within, direction: Direction
) -> None:
    with connect(proxy) as client:
        round_trip(client, b"x")
        client.settimeout(0.3)
        inject(proxy, Fault.BLACKHOLE_ONE_WAY, direction)
        client.sendall(b"y")
        assert read_all(client) == (b"", "silence")

    within(lambda: server.ends)
    assert server.received == [b"xy" if direction is Direction.REPLY else b"x"]


def test_nobody_listens_for_a_while(server: EchoServer, proxy: FaultProxy, within: Within) -> None:
    with connect(proxy) as client:
        round_trip(client, b"x")
        inject(proxy, Fault.REFUSE, seconds=1.5)
        assert read_all(client) == (b"", "reset")
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)

    def is_back() -> bool:
        with contextlib.suppress(ConnectionRefusedError), connect(proxy) as again:
            return round_trip(again, b"y") == b"y"
        return False

    within(is_back)


def test_new_connections_are_reset_for_a_while(
    server: EchoServer, proxy: FaultProxy, within: Within
) -> None:
    with connect(proxy) as client:
        round_trip(client, b"x")
        inject(proxy, Fault.ACCEPT_RESET, seconds=1.5)
        assert read_all(client) == (b"", "reset")
    # As early as that, it is the connecting that is reset.
    with contextlib.suppress(ConnectionResetError), connect(proxy) as client:
        assert read_all(client) == (b"", "reset")

    def is_over() -> bool:
        with contextlib.suppress(ConnectionError), connect(proxy) as later:
            later.sendall(b"y")
            return later.recv(1) == b"y"
        return False

    within(is_over)


def test_segments_are_late_for_a_while(proxy: FaultProxy, within: Within) -> None:
    with connect(proxy) as client:
        round_trip(client, b"x")
        inject(proxy, Fault.LATENCY, seconds=1.0)
        begun = time.monotonic()
        round_trip(client, b"x")
        assert time.monotonic() - begun >= 0.04

        within(lambda: seconds(lambda: round_trip(client, b"x")) < 0.04)


def test_bytes_drip_for_a_while(proxy: FaultProxy) -> None:
    data = bytes(range(256)) * 64
    with connect(proxy) as client:
        round_trip(client, b"x")
        inject(proxy, Fault.DRIP, seconds=5)
        begun = time.monotonic()
        assert round_trip(client, data) == data
        assert time.monotonic() - begun > len(data) / 512 * 0.002


def test_a_stall_heals_and_loses_nothing(proxy: FaultProxy) -> None:
    data = bytes(range(256)) * 4096
    with connect(proxy) as client:
        round_trip(client, b"x")
        inject(proxy, Fault.STALL, seconds=1.0)
        begun = time.monotonic()
        assert round_trip(client, data) == data
        assert time.monotonic() - begun > 0.25


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


# By hand.


@pytest.mark.parametrize("directions", [(), (Direction.REQUEST,), (Direction.REPLY,)])
def test_what_is_frozen_passes_when_it_heals(
    server: EchoServer,
    proxy: FaultProxy,
    within: Within,
    directions: tuple[Direction, ...],
) -> None:
    with connect(proxy) as client:
        round_trip(client, b"x")
        client.settimeout(0.2)
        proxy.freeze(*directions)
        client.sendall(b"y")
        assert read_all(client) == (b"", "silence")
        reached = directions == (Direction.REPLY,)
        within(lambda: server.received == [b"xy" if reached else b"x"])
        with connect(proxy, timeout=0.1) as other:
            other.sendall(b"z")
            assert read_all(other) == (b"", "silence")

        proxy.heal()
        client.settimeout(60.0)
        assert client.recv(10) == b"y"


def test_break_all_resets_everyone_and_lets_them_in_again(proxy: FaultProxy) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(proxy)) for _ in range(5)]
        for client in clients:
            round_trip(client, b"x")

        proxy.break_all()

        assert [read_all(client)[1] for client in clients] == ["reset"] * 5
        with connect(proxy) as client:
            assert round_trip(client, b"x") == b"x"
    assert proxy.connections == 6


# Plans.


def test_the_same_seed_draws_the_same_script_and_another_one_another() -> None:
    def scripts(seed: int) -> list[list[Injection]]:
        plan = Plan(seed, NETWORK)
        return [list(islice(plan.script(number), 50)) for number in range(1, 5)]

    assert scripts(1) == scripts(1)
    assert scripts(1) != scripts(2)
    assert scripts(1)[0] != scripts(1)[1]
    drawn = {injection.fault for script in scripts(1) for injection in script}
    assert drawn == set(Fault)


def play_to_the_end(proxy: FaultProxy, seed: int) -> list[Event]:
    cuts = dict.fromkeys((Fault.RST_REQUEST, Fault.RST_REPLY, Fault.FIN, Fault.TRUNCATE), 1.0)
    proxy.play(Plan(seed, cuts, pace=0.0, reach=5000))
    for _ in range(15):
        # A segment at a time: nothing depends on how bytes come together.
        with contextlib.suppress(ConnectionError), connect(proxy) as client:
            while client.send(b"x" * 64) and client.recv(64):
                pass
    return list(proxy.events)


def test_the_same_seed_does_the_same_at_the_same_bytes(server: EchoServer) -> None:
    target = "{}:{}".format(*server._listener.getsockname())

    def play(seed: int) -> list[Event]:
        with FaultProxy(target) as proxy:
            return play_to_the_end(proxy, seed)

    first = play(7)
    assert len(first) == 15
    assert play(7) == first
    assert play(8) != first


def test_a_plan_ends_at_its_limit(proxy: FaultProxy) -> None:
    proxy.play(Plan(3, {Fault.FIN: 1.0}, pace=0.0, reach=100, limit=3))
    for _ in range(3):
        with connect(proxy) as client, contextlib.suppress(ConnectionError):
            client.sendall(b"x" * 200)
            assert len(read_all(client)[0]) < 200
    with connect(proxy) as client:
        assert round_trip(client, b"x" * 200) == b"x" * 200
    assert proxy.injected == {Fault.FIN: 3}


# The proxy's own end.


def test_it_ends_by_itself(server: EchoServer, within: Within) -> None:
    proxy = FaultProxy("{}:{}".format(*server._listener.getsockname()), lifetime=1.5)
    with connect(proxy) as client:
        round_trip(client, b"x")
        assert read_all(client)[1] == "reset"
    within(lambda: not proxy.is_running)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.break_all()
    proxy.close()


def test_it_ends_in_the_middle_of_everything(server: EchoServer, within: Within) -> None:
    with FaultProxy("{}:{}".format(*server._listener.getsockname())) as proxy:
        for number, fault in enumerate(set(Fault) - {Fault.REFUSE, Fault.ACCEPT_RESET}):
            with contextlib.suppress(ConnectionError), connect(proxy, 0.1) as client:
                proxy.play(Plan(number, {fault: 1.0}, pace=0.0, reach=10))
                client.sendall(struct.pack("<Q", number) * 100)
                read_all(client)
        within(lambda: proxy.injected.keys() >= {Fault.BLACKHOLE, Fault.STALL})
        proxy.freeze()


def test_a_server_that_is_gone_is_a_reset() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with FaultProxy("{}:{}".format(*unused.getsockname())) as proxy:
            try:
                with connect(proxy) as client:
                    found = read_all(client)
            except ConnectionResetError:  # it may come before connect() has looked
                found = b"", "reset"
            assert found == (b"", "reset")
