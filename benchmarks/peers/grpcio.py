"""Raw grpcio, as one would write it by hand: MessagePack for values, plain bytes for arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import grpc

from benchmarks.peers.process import ServerProcess, announce
from benchmarks.peers.protocol import Echo
from benchmarks.peers.service import Service, last_element, pack, unpack
from benchmarks.values import Array

_NAME = "benchmark.Service"
# What a user finds out at the first large array.
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class GrpcPeer:
    """One channel, one method for each function."""

    def __init__(self, server: ServerProcess) -> None:
        """Connect."""
        self._server = server
        self._channel = grpc.insecure_channel(server.address, options=_OPTIONS)
        grpc.channel_ready_future(self._channel).result(30)
        self._echo, self._take, self._prepare, self._give = (
            unary(self._channel, name) for name in ("echo", "take", "prepare", "give")
        )

    def caller(self) -> Echo:
        """Give what one thread makes small calls with; threads share the channel."""
        return lambda value: unpack(self._echo(pack(value)))

    def take(self, array: Array) -> float:
        """Send an array in one message."""
        return float(unpack(self._take(array.tobytes())))

    def prepare(self, count: int) -> None:
        """Have the server make an array."""
        self._prepare(pack(count))

    def give(self) -> float:
        """Bring the array here in one message."""
        return last_element(self._give(b""))

    def stream(self, count: int) -> Iterator[Any]:
        """Give items, one message each."""
        return map(unpack, streaming(self._channel, "stream")(pack(count)))

    def close(self) -> None:
        """End the client and the server."""
        self._channel.close()
        self._server.close()


def open_peer(folder: Path, variant: str) -> GrpcPeer:
    """Open it over "tcp" or "unix"."""
    address = "127.0.0.1:0" if variant == "tcp" else f"unix:{folder}/socket"
    return GrpcPeer(ServerProcess(__name__, address))


def unary(channel: grpc.Channel, name: str) -> Callable[[bytes], bytes]:
    """Give a method that takes a message and gives one."""
    return cast("Callable[[bytes], bytes]", channel.unary_unary(f"/{_NAME}/{name}"))


def streaming(channel: grpc.Channel, name: str) -> Callable[[bytes], Iterator[bytes]]:
    """Give a method that gives a stream of messages."""
    return cast("Callable[[bytes], Iterator[bytes]]", channel.unary_stream(f"/{_NAME}/{name}"))


def serve(
    address: str,
    methods: dict[str, Callable[[bytes], bytes]],
    streams: dict[str, Callable[[bytes], Iterator[bytes]]],
) -> None:
    """Serve functions of bytes until the process is ended."""
    handlers: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(_without_context(function))
        for name, function in methods.items()
    } | {
        name: grpc.unary_stream_rpc_method_handler(_without_context(function))
        for name, function in streams.items()
    }
    server = grpc.server(ThreadPoolExecutor(8), options=_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_NAME, handlers),))
    port = server.add_insecure_port(address)
    server.start()
    announce(address if address.startswith("unix:") else f"127.0.0.1:{port}")
    server.wait_for_termination()


def _without_context(function: Callable[[bytes], Any]) -> Callable[[bytes, Any], Any]:
    return lambda request, _: function(request)


def _main(address: str) -> None:
    service = Service()
    serve(
        address,
        {
            "echo": service.echo,
            "take": lambda data: pack(service.take(data)),
            "prepare": lambda count: service.prepare(unpack(count)),
            "give": lambda _: service.give(),
        },
        {"stream": lambda count: service.stream(unpack(count))},
    )


if __name__ == "__main__":
    _main(sys.argv[1])
