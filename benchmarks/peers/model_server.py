"""A model served by hand with grpcio, in one process with it: a message for each token."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import grpc

from benchmarks.interfaces import model
from benchmarks.peers.grpcio import serve, streaming, unary
from benchmarks.peers.process import ServerProcess
from benchmarks.peers.service import pack, unpack


class ModelServer:
    """A model in a server's process."""

    def __init__(self, folder: Path) -> None:
        """Start it and connect."""
        self._server = ServerProcess(__name__, f"unix:{folder}/socket")
        self._channel = grpc.insecure_channel(self._server.address)
        grpc.channel_ready_future(self._channel).result(30)

    def run(self, count: int) -> int:
        """Do steps."""
        return int(unpack(unary(self._channel, "run")(pack(count))))

    def stream(self, count: int) -> Iterator[int]:
        """Do steps, and give each token."""
        return map(unpack, streaming(self._channel, "stream")(pack(count)))

    def close(self) -> None:
        """End both."""
        self._channel.close()
        self._server.close()


if __name__ == "__main__":
    serve(
        sys.argv[1],
        {"run": lambda count: pack(model.run(unpack(count)))},
        {"stream": lambda count: map(pack, model.stream(unpack(count)))},
    )
