"""Pyro5 over a unix-domain socket, with its MessagePack serializer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import Pyro5.api

from benchmarks.peers.process import ServerProcess, announce
from benchmarks.peers.protocol import Echo
from benchmarks.peers.service import Service, last_element
from benchmarks.values import Array, items

Pyro5.api.config.SERIALIZER = "msgpack"


class PyroPeer:
    """One proxy for each thread."""

    def __init__(self, server: ServerProcess) -> None:
        """Connect."""
        self._server = server
        self._proxies: list[Any] = []
        self._proxy = self._connect()

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        proxy = self._connect()

        def echo(value: Any) -> Any:
            # A proxy belongs to the thread that uses it.
            proxy._pyroClaimOwnership()
            return proxy.echo(value)

        return echo

    def take(self, array: Array) -> float:
        """Send an array as bytes."""
        return float(self._proxy.take(array.tobytes()))

    def prepare(self, count: int) -> None:
        """Have the server make an array."""
        self._proxy.prepare(count)

    def give(self) -> float:
        """Bring the array here as bytes."""
        return last_element(self._proxy.give())

    def stream(self, count: int) -> Iterator[Any]:
        """Give items; each is a round trip."""
        return iter(self._proxy.stream(count))

    def close(self) -> None:
        """End the client and the server."""
        for proxy in self._proxies:
            proxy._pyroClaimOwnership()
            proxy._pyroRelease()
        self._server.close()

    def _connect(self) -> Any:
        proxy = Pyro5.api.Proxy(self._server.address)
        proxy._pyroBind()
        self._proxies.append(proxy)
        return proxy


def open_peer(folder: Path, _: str) -> PyroPeer:
    """Open it."""
    return PyroPeer(ServerProcess(__name__, f"{folder}/socket"))


@Pyro5.api.expose
class Exposed(Service):
    """The functions, with values as they are: the serializer is Pyro's."""

    def echo(self, value: Any) -> Any:
        """Give the value back."""
        return value

    def take(self, data: bytes) -> float:
        """Give the last element of an array."""
        return super().take(data)

    def prepare(self, count: int) -> bytes:
        """Make the array that `give` gives."""
        return super().prepare(count)

    def give(self) -> bytes:
        """Give the array that was prepared."""
        return super().give()

    def stream(self, count: int) -> Iterator[Any]:
        """Stream items."""
        yield from items(count)


def _main(path: str) -> None:
    daemon = Pyro5.api.Daemon(unixsocket=path)
    announce(str(daemon.register(Exposed(), "benchmark")))
    daemon.requestLoop()


if __name__ == "__main__":
    _main(sys.argv[1])
