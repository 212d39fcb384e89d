"""The attendant: runs in a sandbox and does there what the emulator asks for.

It needs the standard library alone. A request is one packet of JSON over the leash, a socket that
it inherits, with descriptors beside it; the first of them is where the answer goes. The leash's end
is the emulator's end.
"""

from __future__ import annotations

import glob
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

PACKET = 1 << 20

_OUTSIDE = "127.0.0.2"
"""Reaches whoever listens on all addresses, and nobody who listens on 127.0.0.1 only."""


def main(leash: socket.socket) -> None:
    """Answer until the emulator is gone."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(leash, PACKET, 4)
        if not request:
            return
        threading.Thread(target=_answer, args=(json.loads(request), descriptors)).start()


def _answer(request: dict[str, Any], descriptors: list[int]) -> None:
    reply = socket.socket(fileno=descriptors[0])
    with reply:
        _DUTIES[request.pop("duty")](reply, descriptors[1:], **request)


def _run(
    reply: socket.socket,
    streams: list[int],
    argv: list[str],
    environment: dict[str, str],
    folder: str,
) -> None:
    try:
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=folder,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            start_new_session=True,
        )
    except OSError as error:
        os.write(streams[2], f"{argv[0]}: {error.strerror}\n".encode())
        reply.send(b"126" if isinstance(error, PermissionError) else b"127")
        return
    finally:
        for stream in streams:
            os.close(stream)
    reply.send(b"%d" % _end(process, reply))


def _end(process: subprocess.Popen[bytes], reply: socket.socket) -> int:
    """Wait for the process; whoever closes the other end of `reply` has it killed."""
    pidfd = os.pidfd_open(process.pid)
    ready, _, _ = select.select([pidfd, reply.fileno()], [], [])
    os.close(pidfd)
    if reply.fileno() in ready:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _connect(reply: socket.socket, _: list[int], port: int) -> None:
    try:
        with socket.create_connection((_OUTSIDE, port)) as connection:
            socket.send_fds(reply, [b"connected"], [connection.fileno()])
    except OSError:
        reply.send(b"refused")


def _listen(reply: socket.socket, _: list[int], port: int) -> None:
    # Whoever has the descriptor accepts, wherever that is: the port remains one in here.
    with socket.create_server(("127.0.0.1", port)) as listening:
        socket.send_fds(reply, [b"listening"], [listening.fileno()])


def _open_files(reply: socket.socket, _: list[int], folder: str) -> None:
    opened = {
        _target(link) for link in glob.glob("/proc/[0-9]*/fd/*") + glob.glob("/proc/[0-9]*/cwd")
    }
    inside = sorted(path for path in opened if f"{path}/".startswith(f"{folder}/"))
    reply.send(json.dumps(inside[:20]).encode())


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


_DUTIES: dict[str, Callable[..., None]] = {
    "run": _run,
    "connect": _connect,
    "listen": _listen,
    "open_files": _open_files,
}

if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)
