"""A port of this machine for a web server in a sandbox that has no network: `python -m ... FOLDER`.

A process of its own, since it outlives the sandbox's owner if the sandbox does. It ends with the
sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from seer_runtime.wire.files import connect_plain
from seer_runtime.wire.journal import is_held

SOCKET = "web.sock"
"""Where the server listens, in the folder of sockets."""

_LOOK = 0.5
_PIECE = 1 << 16


async def relay(folder: str) -> None:
    """Say which port it is, and connect whoever comes there with the sandbox, until that ends."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever is at the other end learns of an error from the end of the connection.
        with contextlib.closing(writer), contextlib.suppress(OSError):
            await join(f"{folder}/{SOCKET}", reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while is_held(folder):
        await asyncio.sleep(_LOOK)


async def join(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect a client with the socket file at a path, until either of them goes.

    Raises:
        OSError: there is nobody.
    """
    inside = socket.socket(socket.AF_UNIX)
    try:
        # What runs in the sandbox could put a link there.
        connect_plain(inside, path)
    except OSError:
        inside.close()
        raise
    near_reader, near_writer = await asyncio.open_unix_connection(sock=inside)
    with contextlib.closing(near_writer):
        ways = [_carry(reader, near_writer), _carry(near_reader, writer)]
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1]))
