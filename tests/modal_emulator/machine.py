"""Machines: what a sandbox runs in, namespaces made by bubblewrap with an attendant inside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from tests.modal_emulator import attendant, filesystem_tools

TOOLS = "/__modal"

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")


class Bind(NamedTuple):
    """A folder of this machine at a path of the sandbox."""

    source: Path
    path: str
    read_only: bool
    room: int | None = None
    """Bytes that there are instead of the folder, where it is to be full."""


class Streams(NamedTuple):
    """Descriptors for a process."""

    stdin: int
    stdout: int
    stderr: int


class Machine:
    """Runs processes over a root of its own; all of them end with it, and it with this process."""

    def __init__(self, bubblewrap: asyncio.subprocess.Process, leash: socket.socket) -> None:
        """Take over what `start` made."""
        self._bubblewrap = bubblewrap
        self._leash = leash

    @classmethod
    async def start(cls, root: Path, tools: Path, binds: Sequence[Bind]) -> Machine:
        """Start one; `root` is written to."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        attend = [sys.executable, "-I", "-S", f"{TOOLS}/attendant.py", str(theirs.fileno())]
        async with AsyncExitStack() as undo:
            undo.callback(ours.close)
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *_bubblewrap(root, tools, binds),
                    *attend,
                    env={},
                    stdin=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(),),
                )
            machine = cls(process, ours)
            undo.push_async_callback(machine.stop)
            # Answered once it attends.
            await machine.open_files("/")
            undo.pop_all()
        return machine

    @property
    def pid(self) -> int:
        """The process that started all that runs in it."""
        return self._bubblewrap.pid

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str, streams: Streams
    ) -> Running:
        """Start a process.

        Raises:
            OSError: The machine has ended.
        """
        request = {"argv": list(argv), "environment": dict(environment), "folder": folder}
        return Running(self._ask({"duty": "run", **request}, streams))

    async def connect(self, port: int) -> socket.socket | None:
        """Connect to a port as somebody from outside; None where nobody listens.

        Raises:
            OSError: The machine has ended.
        """
        return await self._ask_for_socket({"duty": "connect", "port": port})

    async def listen(self, port: int) -> socket.socket:
        """Listen on 127.0.0.1 in there.

        Raises:
            OSError: The machine has ended.
        """
        listening = await self._ask_for_socket({"duty": "listen", "port": port})
        if listening is None:
            raise OSError(f"the machine cannot listen on {port}")
        return listening

    async def open_files(self, folder: str) -> list[str]:
        """Name files under a folder that processes have open.

        Raises:
            OSError: The machine has ended.
        """
        with self._ask({"duty": "open_files", "folder": folder.rstrip("/")}) as reply:
            reply.setblocking(False)
            answer = await asyncio.get_running_loop().sock_recv(reply, attendant.PACKET)
        if not answer:
            raise OSError("the machine has ended")
        files: list[str] = json.loads(answer)
        return files

    async def stop(self) -> None:
        """End every process."""
        if self._bubblewrap.returncode is None:
            os.killpg(self._bubblewrap.pid, signal.SIGKILL)
        await self._bubblewrap.wait()
        self._leash.close()

    async def _ask_for_socket(self, request: Mapping[str, object]) -> socket.socket | None:
        with self._ask(request) as reply:
            _, descriptors, _, _ = await asyncio.to_thread(socket.recv_fds, reply, 32, 1)
        return socket.socket(fileno=descriptors[0]) if descriptors else None

    def _ask(self, request: Mapping[str, object], descriptors: Sequence[int] = ()) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        packet = json.dumps(request).encode()
        try:
            with theirs:
                socket.send_fds(self._leash, [packet], [theirs.fileno(), *descriptors])
        except OSError:
            ours.close()
            raise
        return ours


class Running:
    """A process in a machine."""

    def __init__(self, reply: socket.socket) -> None:
        """Wait at `reply`."""
        self._reply = reply
        self._reply.setblocking(False)

    async def wait(self) -> int:
        """Give the exit status, negative for a signal; -9 where the machine ended first."""
        with self._reply:
            status = await asyncio.get_running_loop().sock_recv(self._reply, 32)
        return int(status or -signal.SIGKILL)

    def kill(self) -> None:
        """End it and its group."""
        with contextlib.suppress(OSError):
            self._reply.shutdown(socket.SHUT_WR)


def write_tools(folder: Path) -> Path:
    """Write what every sandbox finds at `TOOLS`."""
    (folder / ".bin").mkdir(parents=True)
    (folder / "attendant.py").write_bytes(Path(attendant.__file__).read_bytes())
    tool = folder / ".bin" / "modal-sandbox-fs-tools"
    tool.write_text(f"#!{sys.executable} -IS\n{Path(filesystem_tools.__file__).read_text()}")
    tool.chmod(0o755)
    return folder


def _bubblewrap(root: Path, tools: Path, binds: Sequence[Bind]) -> list[str]:
    command = ["bwrap", "--die-with-parent", "--hostname", "modal", "--bind", str(root), "/"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-ipc"]
    if os.geteuid() != 0:
        command += ["--unshare-user", "--uid", "0", "--gid", "0"]
    for path in dict.fromkeys([*_SYSTEM, *_interpreter()]):
        command += ["--ro-bind-try", path, path]
    command += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", str(tools), TOOLS]
    for bind in binds:
        if bind.room is not None and not bind.read_only:
            command += ["--size", str(bind.room), "--tmpfs", bind.path]
        else:
            command += ["--ro-bind" if bind.read_only else "--bind", str(bind.source), bind.path]
    return [*command, "--chdir", "/", "--"]


def _interpreter() -> list[str]:
    # Not the source of this project: a sandbox has what was put into its image.
    packages = [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]
    return [sys.base_prefix, sys.prefix, *packages]
