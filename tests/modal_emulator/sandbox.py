"""A sandbox: its files, its machine, its processes, its tunnels, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.contents import Contents
from tests.modal_emulator.images import Image
from tests.modal_emulator.log import Log
from tests.modal_emulator.machine import Bind, Machine
from tests.modal_emulator.processes import Process
from tests.modal_emulator.tokens import new_id, new_ulid
from tests.modal_emulator.trees import copy_tree
from tests.modal_emulator.tunnels import Forwarder, Tunnel, connect_here
from tests.modal_emulator.volumes import VolumeMount, Volumes

Outcome: TypeAlias = api.GenericResult.GenericStatus.ValueType

_LONGEST = 900.0
"""Seconds that a sandbox lives at most, whatever was asked for."""

_LOOK = 0.1
_COMMIT = 5.0
"""Seconds between two commits of volumes in the background."""

_CODES = {
    api.GenericResult.GENERIC_STATUS_TIMEOUT: 124,
    api.GenericResult.GENERIC_STATUS_TERMINATED: 137,
}


@dataclass(frozen=True)
class Site:
    """What sandboxes are made on."""

    folder: Path
    tools: Path
    certificate: Path
    contents: Contents
    volumes: Volumes
    log: Log
    reachable: set[int]
    """Ports of this machine that sandboxes reach, at the same port of their own 127.0.0.1."""


class Sandbox:
    """One sandbox, from when it is asked for."""

    def __init__(
        self,
        site: Site,
        request: api.SandboxCreateRequest | api.SandboxCreateV2Request,
        image: Image,
        secrets: dict[str, str],
    ) -> None:
        """Run nothing yet."""
        self.is_v2 = isinstance(request, api.SandboxCreateV2Request)
        self.id = new_ulid("sb") if self.is_v2 else new_id("sb")
        self.task_id = new_ulid("ta") + ("V" if self.is_v2 else "0")
        self.app_id = request.app_id
        self.definition = request.definition
        self.tags = {tag.tag_name: tag.tag_value for tag in request.tags}
        self.image = image
        self.created = time.time()
        self.environment = self._variables(secrets)
        self.execs: dict[str, Process] = {}
        self.result: api.GenericResult | None = None
        self.scheduled = asyncio.Event()
        self.ended = asyncio.Event()
        self.root = site.folder / self.id / "root"
        self.machine: Machine | None = None
        self.mounts: list[VolumeMount] = []
        self.entrypoint = Process(self.root.with_name("entrypoint"))
        self.tunnels = [
            Tunnel(port, self.definition.inbound_cidr_allowlist, partial(self.connect, port.port))
            for port in self.definition.open_ports.ports
        ]
        self._outlets: list[Forwarder] = []
        self._site = site
        self._given_up = asyncio.Event()
        self._changing = asyncio.Lock()
        self._last_active = time.monotonic()

    @property
    def folder(self) -> str:
        """Where processes start."""
        return self.definition.workdir or self.image.workdir

    def touch(self) -> None:
        """Note that it is in use."""
        self._last_active = time.monotonic()

    async def schedule(self, delay: float) -> None:
        """Start after some seconds, unless it is given up until then."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._given_up.wait(), delay)
        async with self._changing:
            if not self._given_up.is_set():
                await self._start()

    def execute(
        self, name: str, argv: Sequence[str], variables: dict[str, str], folder: str
    ) -> Process:
        """Start a process beside the entrypoint."""
        with self._running() as machine:
            process = Process(self.root.with_name(name))
            environment = self.environment | variables
            process.start(machine, argv, environment, folder or self.folder)
        self.execs[name] = process
        self.touch()
        return process

    async def connect(self, port: int) -> socket.socket | None:
        """Connect to a port; None where nobody listens."""
        self.touch()
        with self._running() as machine:
            return await machine.connect(port)

    async def reload_volumes(self) -> list[str]:
        """Have the latest version of every volume; gives open files that prevent that."""
        with self._running() as machine:
            for mount in self.mounts:
                opened = await machine.open_files(mount.path)
                if opened:
                    return opened
        for mount in self.mounts:
            await asyncio.to_thread(mount.reload)
        return []

    async def end(self, status: Outcome, code: int | None = None) -> None:
        """End it and all that runs in it; the first end counts."""
        self._given_up.set()
        async with self._changing:
            if self.result is None:
                await self._finish(status, code)

    async def _start(self) -> None:
        try:
            await asyncio.to_thread(self._lay_out)
            room = self._site.volumes.room
            binds = [Bind(each.folder, each.path, each.read_only, room) for each in self.mounts]
            self.machine = await Machine.start(self.root, self._site.tools, binds)
            for tunnel in self.tunnels:
                await tunnel.open(self._site.certificate)
            await self._let_out(self.machine)
            argv = self.image.entrypoint + list(self.definition.entrypoint_args)
            self.entrypoint.start(
                self.machine, argv or self._default(), self.environment, self.folder
            )
        except Exception:
            self._site.log.failures.append(f"{self.id} did not start:\n{traceback.format_exc()}")
            await self._finish(api.GenericResult.GENERIC_STATUS_INTERNAL_FAILURE)
            raise
        self.touch()
        self.scheduled.set()
        self._watching = asyncio.create_task(self._watch())

    async def _finish(self, status: Outcome, code: int | None = None) -> None:
        exitcode = _CODES.get(status, 1) if code is None else code
        self.result = api.GenericResult(status=status, exitcode=exitcode)
        forwarders: list[Forwarder] = [*self.tunnels, *self._outlets]
        # Whoever loses a connection comes again at once, and is to find nobody.
        for forwarder in forwarders:
            forwarder.close()
        if self.machine is not None:
            await self.machine.stop()
        for forwarder in forwarders:
            forwarder.close()
        if self.machine is not None:
            await asyncio.gather(*(process.wait() for process in self._processes()))
            await self._commit()
        self.ended.set()

    async def _let_out(self, machine: Machine) -> None:
        access = self.definition.network_access
        # Of networks that are let out to, the emulation knows none.
        if access.network_access_type != api.NetworkAccess.NetworkAccessType.OPEN:
            return
        for port in sorted(self._site.reachable):
            self._outlets.append(Forwarder(partial(connect_here, port)))
            await self._outlets[-1].accept_at(await machine.listen(port))

    def _lay_out(self) -> None:
        copy_tree(self.image.root, self.root)
        for mount_id in self.definition.mount_ids:
            self._site.contents.place(mount_id, self.root)
        for folder in ("/root", "/tmp", self.folder):
            (self.root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for number, definition in enumerate(self.definition.volume_mounts):
            volume = self._site.volumes.volume(definition.volume_id)
            copy = self.root.with_name(f"volume-{number}")
            self.mounts.append(VolumeMount(volume, definition, copy))

    def _default(self) -> list[str]:
        return self.image.command or ["sleep", "infinity"]

    def _variables(self, secrets: dict[str, str]) -> dict[str, str]:
        variables = {"HOME": "/root", "LANG": "C.UTF-8", **self.image.environment, **secrets}
        return variables | {
            "PATH": f"{sys.prefix}/bin:{variables['PATH']}",
            "MODAL_SANDBOX_ID": self.id,
            "MODAL_TASK_ID": self.task_id,
            "MODAL_IMAGE_ID": self.definition.image_id,
        }

    @contextlib.contextmanager
    def _running(self) -> Iterator[Machine]:
        if self.machine is None or self.result is not None:
            raise GRPCError(Status.NOT_FOUND, f"{self.id} does not run")
        try:
            yield self.machine
        except OSError as error:
            raise GRPCError(Status.NOT_FOUND, f"{self.id} has just ended") from error

    def _processes(self) -> list[Process]:
        return [self.entrypoint, *self.execs.values()]

    async def _watch(self) -> None:
        deadline = time.monotonic() + min(self.definition.timeout_secs, _LONGEST)
        committed = time.monotonic()
        while self.result is None:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            if self.entrypoint.returncode is not None:
                await self._end_with(self.entrypoint.returncode)
            elif now > deadline or self._is_idle(now):
                await self.end(api.GenericResult.GENERIC_STATUS_TIMEOUT)
            elif now > committed + _COMMIT:
                committed = now
                await self._commit()

    async def _end_with(self, returncode: int) -> None:
        status = api.GenericResult.GENERIC_STATUS_FAILURE
        if returncode == 0:
            status = api.GenericResult.GENERIC_STATUS_SUCCESS
        await self.end(status, returncode if returncode >= 0 else 128 - returncode)

    def _is_idle(self, now: float) -> bool:
        is_used = any(process.returncode is None for process in self.execs.values())
        if is_used or any(tunnel.connections for tunnel in self.tunnels):
            self.touch()
        limit = self.definition.idle_timeout_secs
        return bool(limit) and now - self._last_active > limit

    async def _commit(self) -> None:
        for mount in self.mounts:
            await asyncio.to_thread(mount.commit)
