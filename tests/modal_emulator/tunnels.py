"""Tunnels: ports of this machine whose connections go to a port in a sandbox, and the other way."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TypeAlias

from grpclib import GRPCError
from modal_proto import api_pb2 as api

Connect: TypeAlias = Callable[[], Awaitable[socket.socket | None]]

_HOST = "localhost"
_HERE = "127.0.0.1"
_CHUNK = 64 << 10
_SEEN = 1 << 20
"""Bytes that are kept of what went by."""


class Forwarder:
    """Connects whoever connects here with somebody else.

    Attributes:
        seen: The first bytes that went by, both ways.
    """

    def __init__(self, connect: Connect) -> None:
        """Listen nowhere yet."""
        self.seen = bytearray()
        self._connect = connect
        self._servers: list[asyncio.Server] = []
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._writers)

    async def accept_at(
        self, listening: socket.socket, context: ssl.SSLContext | None = None
    ) -> None:
        """Take connections."""
        server = await asyncio.start_server(self._accept, sock=listening, ssl=context)
        self._servers.append(server)

    def close(self) -> None:
        """End it with every connection."""
        for server in self._servers:
            server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            inner = await self._connect() if self._allows(writer) else None
            if inner is not None:
                await _forward(reader, writer, inner, self.seen)
        except (OSError, GRPCError):
            # Whoever is at the other end learns that from the end of the connection.
            pass
        finally:
            writer.close()
            # TLS says goodbye first; until then it can still be aborted.
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._writers.discard(writer)

    def _allows(self, _: asyncio.StreamWriter) -> bool:
        return True


class Tunnel(Forwarder):
    """A tunnel: TLS ends here, ALPN says h2 or http/1.1, and the sandbox gets plain bytes."""

    def __init__(self, port: api.PortSpec, allowed: Collection[str], connect: Connect) -> None:
        """Listen nowhere yet; `allowed` are networks, none for everybody."""
        super().__init__(connect)
        self.data = api.TunnelData(container_port=port.port)
        self._port = port
        self._allowed = [ipaddress.ip_network(network) for network in allowed]

    async def open(self, certificate: Path) -> None:
        """Listen, with a server's certificate and key from a file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        is_h2 = self._port.tunnel_type == api.TUNNEL_TYPE_H2
        context.set_alpn_protocols(["h2" if is_h2 else "http/1.1"])
        self.data.host, self.data.port = _HOST, await self._listen(context)
        if self._port.unencrypted:
            self.data.unencrypted_host = _HOST
            self.data.unencrypted_port = await self._listen(None)

    async def _listen(self, context: ssl.SSLContext | None) -> int:
        listening = socket.create_server((_HERE, 0))
        await self.accept_at(listening, context)
        port: int = listening.getsockname()[1]
        return port

    def _allows(self, writer: asyncio.StreamWriter) -> bool:
        peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
        return not self._allowed or any(peer in network for network in self._allowed)


async def connect_here(port: int) -> socket.socket:
    """Connect to a port of this machine."""
    connection = socket.socket()
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (_HERE, port))
    except OSError:
        connection.close()
        raise
    return connection


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    inner: socket.socket,
    seen: bytearray,
) -> None:
    inner_reader, inner_writer = await asyncio.open_connection(sock=inner)
    upward = asyncio.create_task(_carry_up(reader, inner_writer, seen, writer.can_write_eof()))
    try:
        await _carry(inner_reader, writer, seen)
    finally:
        upward.cancel()
        inner_writer.close()


async def _carry_up(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    seen: bytearray,
    is_half_open: bool,
) -> None:
    try:
        await _carry(reader, writer, seen)
    except OSError:
        writer.close()
    else:
        # TLS knows no half-closed connections.
        with contextlib.suppress(OSError):
            writer.write_eof() if is_half_open else writer.close()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
) -> None:
    while data := await reader.read(_CHUNK):
        if len(seen) < _SEEN:
            seen += data
        writer.write(data)
        await writer.drain()
