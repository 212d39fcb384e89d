"""The calls of the control plane for sandboxes, of V1 and V2 alike."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.apps import Secrets
from tests.modal_emulator.images import Images
from tests.modal_emulator.processes import STDERR, STDOUT
from tests.modal_emulator.sandbox import Sandbox, Site

Grant: TypeAlias = Callable[[str], api.CommandRouterAccess]
"""Gives access to the command router for a task."""

_MOST = 32
"""Sandboxes at a time."""

_DAY = 86_400
_GPUS = {"T4", "L4", "A10", "L40S", "A100", "A100-40GB", "A100-80GB", "RTX-PRO-6000"}
_GPUS |= {"H100", "H100!", "H200", "B200", "B200+"}
_MOST_GPUS = 8


class Sandboxes:
    """Handles sandboxes; `delay` is how many seconds it takes to schedule one."""

    def __init__(self, site: Site, secrets: Secrets, images: Images, grant: Grant) -> None:
        """Begin without a sandbox."""
        self.sandboxes: dict[str, Sandbox] = {}
        self.delay = 0.0
        self._site = site
        self._secrets = secrets
        self._images = images
        self._grant = grant
        self._scheduling: set[asyncio.Task[None]] = set()

    def sandbox(self, sandbox_id: str) -> Sandbox:
        """Give a sandbox."""
        if sandbox_id not in self.sandboxes:
            raise GRPCError(Status.NOT_FOUND, f"Sandbox {sandbox_id!r} not found")
        return self.sandboxes[sandbox_id]

    def task(self, task_id: str) -> Sandbox:
        """Give the sandbox whose task this is."""
        for sandbox in self.sandboxes.values():
            if sandbox.task_id == task_id:
                return sandbox
        raise GRPCError(Status.NOT_FOUND, f"Task {task_id!r} not found")

    async def end_all(self) -> None:
        """End every sandbox."""
        status = api.GenericResult.GENERIC_STATUS_TERMINATED
        await asyncio.gather(*(sandbox.end(status) for sandbox in self.sandboxes.values()))
        await asyncio.gather(*self._scheduling, return_exceptions=True)

    # Creation.

    async def sandbox_create(self, request: api.SandboxCreateRequest) -> api.SandboxCreateResponse:
        variables: dict[str, str] = {}
        for secret_id in request.definition.secret_ids:
            variables |= self._secrets.of(secret_id)
        sandbox = self._create(request, variables)
        task = asyncio.create_task(sandbox.schedule(self.delay))
        self._scheduling.add(task)
        return api.SandboxCreateResponse(sandbox_id=sandbox.id, metadata=metadata(sandbox))

    async def sandbox_create_v2(
        self, request: api.SandboxCreateV2Request
    ) -> api.SandboxCreateV2Response:
        if request.definition.resources.gpu_config.count:
            raise GRPCError(Status.INVALID_ARGUMENT, "V2 sandboxes have no GPU")
        sandbox = self._create(request, self._secrets.merged(request.secret_sources))
        await sandbox.schedule(self.delay)
        return api.SandboxCreateV2Response(
            sandbox_id=sandbox.id,
            task_id=sandbox.task_id,
            metadata=metadata(sandbox),
            # Where others listen without encryption is not known this early.
            tunnels=[one.data for one in sandbox.tunnels if not one.data.unencrypted_host],
            command_router_access=self._grant(sandbox.task_id),
        )

    def _create(
        self,
        request: api.SandboxCreateRequest | api.SandboxCreateV2Request,
        variables: dict[str, str],
    ) -> Sandbox:
        image = self._images.image(request.definition.image_id)
        self._check(request.app_id, request.definition)
        sandbox = Sandbox(self._site, request, image, variables)
        self.sandboxes[sandbox.id] = sandbox
        return sandbox

    def _check(self, app_id: str, definition: api.Sandbox) -> None:
        for mount in definition.volume_mounts:
            self._site.volumes.volume(mount.volume_id)
        running = [one for one in self.sandboxes.values() if one.result is None]
        gpu = definition.resources.gpu_config
        if definition.pty_info.enabled:
            raise GRPCError(Status.UNIMPLEMENTED, "terminals are not emulated")
        if len(running) >= _MOST:
            raise GRPCError(Status.RESOURCE_EXHAUSTED, f"{_MOST} sandboxes are running")
        if gpu.count and (gpu.gpu_type not in _GPUS or gpu.count > _MOST_GPUS):
            raise GRPCError(Status.INVALID_ARGUMENT, f"no such GPU: {gpu.gpu_type}:{gpu.count}")
        if not 1 <= definition.timeout_secs <= _DAY:
            raise GRPCError(Status.INVALID_ARGUMENT, "timeout must be from 1 second to 24 hours")
        names = {one.definition.name for one in running if one.app_id == app_id}
        if definition.name and definition.name in names:
            raise GRPCError(Status.ALREADY_EXISTS, f"Sandbox {definition.name!r} already exists")

    # Life.

    async def sandbox_get_task_id(
        self, request: api.SandboxGetTaskIdRequest
    ) -> api.SandboxGetTaskIdResponse:
        sandbox = self.sandbox(request.sandbox_id)
        is_scheduled = sandbox.scheduled.is_set()
        return api.SandboxGetTaskIdResponse(
            task_id=sandbox.task_id if is_scheduled else None, task_result=sandbox.result
        )

    async def sandbox_wait(self, request: api.SandboxWaitRequest) -> api.SandboxWaitResponse:
        sandbox = self.sandbox(request.sandbox_id)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sandbox.ended.wait(), request.timeout)
        result = sandbox.result if sandbox.ended.is_set() else None
        return api.SandboxWaitResponse(result=result, metadata=metadata(sandbox))

    async def sandbox_terminate(
        self, request: api.SandboxTerminateRequest
    ) -> api.SandboxTerminateResponse:
        sandbox = self.sandbox(request.sandbox_id)
        await sandbox.end(api.GenericResult.GENERIC_STATUS_TERMINATED)
        return api.SandboxTerminateResponse()

    async def sandbox_get_tunnels(
        self, request: api.SandboxGetTunnelsRequest
    ) -> api.SandboxGetTunnelsResponse:
        sandbox = self.sandbox(request.sandbox_id)
        status = api.GenericResult.GENERIC_STATUS_SUCCESS
        try:
            await asyncio.wait_for(sandbox.scheduled.wait(), request.timeout)
        except TimeoutError:
            status = api.GenericResult.GENERIC_STATUS_TIMEOUT
        return api.SandboxGetTunnelsResponse(
            result=api.GenericResult(status=status),
            tunnels=[tunnel.data for tunnel in sandbox.tunnels],
        )

    # The entrypoint of V1; that of V2 is reached through the command router.

    async def sandbox_get_logs(
        self, request: api.SandboxGetLogsRequest
    ) -> AsyncIterator[api.TaskLogsBatch]:
        sandbox = self.sandbox(request.sandbox_id)
        descriptor = STDERR if request.file_descriptor == api.FILE_DESCRIPTOR_STDERR else STDOUT
        offset = int(request.last_entry_id or 0)
        # Entries are text: a character must not be in two of them.
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        await _until_begun(sandbox)
        if sandbox.scheduled.is_set():
            async for data in sandbox.entrypoint.follow(descriptor, offset):
                entry = api.TaskLogs(
                    data=decoder.decode(data), file_descriptor=request.file_descriptor
                )
                offset += len(data)
                whole = offset - len(decoder.getstate()[0])
                yield api.TaskLogsBatch(entry_id=str(whole), items=[entry])
        yield api.TaskLogsBatch(entry_id=str(offset), eof=True)

    async def sandbox_stdin_write(
        self, request: api.SandboxStdinWriteRequest
    ) -> api.SandboxStdinWriteResponse:
        sandbox = self.sandbox(request.sandbox_id)
        await _until_begun(sandbox)
        if sandbox.result is not None:
            raise GRPCError(Status.FAILED_PRECONDITION, "Sandbox has already terminated")
        sandbox.touch()
        # Repetitions of a write have its idempotency key.
        process = sandbox.entrypoint
        await process.write(process.stdin_offset, request.input, request.eof)
        return api.SandboxStdinWriteResponse()

    # Access to the command router.

    async def task_get_command_router_access(
        self, request: api.TaskGetCommandRouterAccessRequest
    ) -> api.TaskGetCommandRouterAccessResponse:
        access = self._access(self.task(request.task_id))
        return api.TaskGetCommandRouterAccessResponse(url=access.url, jwt=access.jwt)

    async def sandbox_get_command_router_access(
        self, request: api.SandboxGetCommandRouterAccessRequest
    ) -> api.SandboxGetCommandRouterAccessResponse:
        by_id = bool(request.sandbox_id)
        sandbox = self.sandbox(request.sandbox_id) if by_id else self.task(request.task_id)
        access = self._access(sandbox)
        return api.SandboxGetCommandRouterAccessResponse(url=access.url, jwt=access.jwt)

    def _access(self, sandbox: Sandbox) -> api.CommandRouterAccess:
        if sandbox.result is not None:
            raise GRPCError(Status.FAILED_PRECONDITION, "Sandbox has already shut down")
        return self._grant(sandbox.task_id)

    sandbox_get_task_id_v2 = sandbox_get_task_id
    sandbox_wait_v2 = sandbox_wait
    sandbox_terminate_v2 = sandbox_terminate
    sandbox_get_tunnels_v2 = sandbox_get_tunnels


async def _until_begun(sandbox: Sandbox) -> None:
    events = [asyncio.ensure_future(one.wait()) for one in (sandbox.scheduled, sandbox.ended)]
    _, pending = await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
    for event in pending:
        event.cancel()


def metadata(sandbox: Sandbox) -> api.SandboxHandleMetadata:
    """Say what a handle knows of a sandbox."""
    result = sandbox.result if sandbox.ended.is_set() else None
    return api.SandboxHandleMetadata(app_id=sandbox.app_id, result=result)
