"""Python's own multiprocessing.connection over a unix-domain socket: pickled, one thread each."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from benchmarks.peers.process import ServerProcess, announce
from benchmarks.peers.protocol import Echo
from benchmarks.peers.service import Service, last_element
from benchmarks.values import ELEMENT, Array, items

_END = None


class ConnectionPeer:
    """One connection for each thread. Arrays go unpickled, into buffers that are kept."""

    def __init__(self, server: ServerProcess) -> None:
        """Connect."""
        self._server = server
        self._connections: list[Any] = []
        self._connection = self._connect()
        self._buffer = bytearray()

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        connection = self._connect()
        return lambda value: _call(connection, "echo", value)

    def take(self, array: Array) -> float:
        """Send an array from where it lies."""
        self._connection.send(("take", array.nbytes))
        self._connection.send_bytes(array.data)
        return float(self._connection.recv())

    def prepare(self, count: int) -> None:
        """Have the server make an array."""
        self._buffer = bytearray(count * ELEMENT)
        _call(self._connection, "prepare", count)

    def give(self) -> float:
        """Bring the array into a buffer that is kept."""
        self._connection.send(("give", None))
        self._connection.recv_bytes_into(self._buffer)
        return last_element(self._buffer)

    def stream(self, count: int) -> Iterator[Any]:
        """Give items, one message each."""
        self._connection.send(("stream", count))
        return iter(self._connection.recv, _END)

    def close(self) -> None:
        """End the client and the server."""
        for connection in self._connections:
            connection.close()
        self._server.close()

    def _connect(self) -> Any:
        self._connections.append(Client(self._server.address, "AF_UNIX"))
        return self._connections[-1]


def open_peer(folder: Path, _: str) -> ConnectionPeer:
    """Open it."""
    return ConnectionPeer(ServerProcess(__name__, f"{folder}/socket"))


def _call(connection: Any, name: str, argument: Any) -> Any:
    connection.send((name, argument))
    return connection.recv()


def _serve(connection: Connection[Any, Any]) -> None:
    service = Service()
    buffer = bytearray()
    while True:
        try:
            name, argument = connection.recv()
        except EOFError:
            return
        match name:
            case "echo":
                connection.send(argument)
            case "take":
                if len(buffer) != argument:
                    buffer = bytearray(argument)
                connection.recv_bytes_into(buffer)
                connection.send(last_element(buffer))
            case "prepare":
                service.prepare(argument)
                connection.send(None)
            case "give":
                connection.send_bytes(service.view())
            case "stream":
                for item in items(argument):
                    connection.send(item)
                connection.send(_END)


def _main(path: str) -> None:
    with Listener(path, "AF_UNIX", backlog=128) as listener:
        announce(path)
        while True:
            threading.Thread(target=_serve, args=(listener.accept(),), daemon=True).start()


if __name__ == "__main__":
    _main(sys.argv[1])
