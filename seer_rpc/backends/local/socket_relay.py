"""A socket of this machine for what runs in a sandbox: `python -m ... FOLDER NAME TARGET`.

The sandbox reaches the socket by a file of its own folder of sockets, whether it has a network or
not. A process of its own, since it outlives the sandbox's owner if the sandbox does. It ends with
the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys

from seer_rpc.backends.local.web_relay import join
from seer_runtime.wire.journal import is_held

NEAR = "near"
"""The folder in that of sockets: what lies beside a front's own socket is taken for its door."""

_LOOK = 0.5


async def relay(folder: str, name: str, target: str) -> None:
    """Say that it listens, and connect whoever comes with the target."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            await join(target, reader, writer)

    await asyncio.start_unix_server(accept, sock=_listening(folder, name))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while is_held(folder):
        await asyncio.sleep(_LOOK)


def _listening(folder: str, name: str) -> socket.socket:
    """Give the socket; what runs in the sandbox could have put links in the way."""
    options = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    parent = os.open(folder, options)
    with contextlib.suppress(FileExistsError):
        os.mkdir(NEAR, 0o700, dir_fd=parent)
    near = os.open(NEAR, options, dir_fd=parent)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"/proc/self/fd/{near}/{name}")
    os.close(parent)
    os.close(near)
    return listening


if __name__ == "__main__":
    asyncio.run(relay(*sys.argv[1:4]))
