"""RPyC over a unix-domain socket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rpyc
from rpyc.core.channel import Channel
from rpyc.core.stream import SocketStream
from rpyc.utils.factory import unix_connect
from rpyc.utils.server import ThreadedServer

from benchmarks.peers.process import ServerProcess, announce
from benchmarks.peers.protocol import Echo
from benchmarks.peers.service import Service, last_element, pack, unpack
from benchmarks.values import Array

# Compressing costs more than it saves on one host, and with small chunks, which are the default,
# a large message takes five times longer.
Channel.COMPRESSION_THRESHOLD = sys.maxsize
SocketStream.MAX_IO_CHUNK = 1 << 24
_CONFIG = {"sync_request_timeout": None}


class RpycPeer:
    """One connection for each thread. Values travel as bytes: a dict would stay at its owner."""

    def __init__(self, server: ServerProcess) -> None:
        """Connect."""
        self._server = server
        self._connections: list[Any] = []
        self._root = self._connect()

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        echo = self._connect().echo
        return lambda value: unpack(echo(pack(value)))

    def take(self, array: Array) -> float:
        """Send an array as bytes."""
        return float(self._root.take(array.tobytes()))

    def prepare(self, count: int) -> None:
        """Have the server make an array."""
        self._root.prepare(count)

    def give(self) -> float:
        """Bring the array here as bytes."""
        return last_element(self._root.give())

    def stream(self, count: int) -> Iterator[Any]:
        """Give items; each is a round trip."""
        return map(unpack, self._root.stream(count))

    def close(self) -> None:
        """End the client and the server."""
        for connection in self._connections:
            connection.close()
        self._server.close()

    def _connect(self) -> Any:
        self._connections.append(unix_connect(self._server.address, config=_CONFIG))
        return self._connections[-1].root


def open_peer(folder: Path, _: str) -> RpycPeer:
    """Open it."""
    return RpycPeer(ServerProcess(__name__, f"{folder}/socket"))


def _main(path: str) -> None:
    class Exposed(rpyc.Service):
        """RPyC finds exposed functions by their prefix."""

    service = Service()
    for name in ("echo", "take", "prepare", "give", "stream"):
        setattr(Exposed, f"exposed_{name}", staticmethod(getattr(service, name)))
    server = ThreadedServer(Exposed(), socket_path=path, backlog=128)
    # start() listens as well, but nobody hears when.
    server.listener.listen(server.backlog)
    announce(path)
    server.start()


if __name__ == "__main__":
    _main(sys.argv[1])
