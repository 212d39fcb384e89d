"""The command router: commands in a sandbox, what they read and write, readiness, snapshots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from google.protobuf.message import Message
from grpclib import GRPCError, Status
from grpclib.server import Stream
from modal_proto import api_pb2 as api
from modal_proto import task_command_router_pb2 as router

from tests.modal_emulator.apps import Secrets
from tests.modal_emulator.images import Images
from tests.modal_emulator.processes import STDERR, STDOUT, Process
from tests.modal_emulator.sandbox import Sandbox
from tests.modal_emulator.sandboxes import Sandboxes
from tests.modal_emulator.tokens import new_id

_INTERVAL = 0.1


class Router:
    """Handles the calls that go to where a sandbox runs."""

    def __init__(self, sandboxes: Sandboxes, secrets: Secrets, images: Images) -> None:
        """Reach these."""
        self._sandboxes = sandboxes
        self._secrets = secrets
        self._images = images

    # Commands.

    async def task_exec_start(
        self, request: router.TaskExecStartRequest
    ) -> router.TaskExecStartResponse:
        sandbox = self._running(request.task_id)
        if request.HasField("pty_info"):
            raise GRPCError(Status.UNIMPLEMENTED, "terminals are not emulated")
        # The client chooses the id, so that a repeated call starts nothing twice.
        if request.exec_id not in sandbox.execs:
            variables = self._variables(request)
            process = sandbox.execute(
                request.exec_id, request.command_args, variables, request.workdir
            )
            if request.timeout_secs:
                loop = asyncio.get_running_loop()
                loop.call_later(request.timeout_secs, process.kill)
        return router.TaskExecStartResponse()

    async def task_exec_stdio_read(
        self, request: router.TaskExecStdioReadRequest
    ) -> AsyncIterator[router.TaskExecStdioReadResponse]:
        is_error = request.file_descriptor == router.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR
        descriptor = STDERR if is_error else STDOUT
        async for data in self._process(request).follow(descriptor, request.offset):
            yield router.TaskExecStdioReadResponse(data=data)

    async def task_exec_stdin_write(
        self, request: router.TaskExecStdinWriteRequest
    ) -> router.TaskExecStdinWriteResponse:
        await self._process(request).write(request.offset, request.data, request.eof)
        return router.TaskExecStdinWriteResponse()

    async def task_exec_stdin_write_stream(
        self, stream: Stream[router.TaskExecStdinWriteStreamRequest, Message]
    ) -> router.TaskExecStdinWriteStreamResponse:
        first = await stream.recv_message()
        if first is None:
            raise GRPCError(Status.INVALID_ARGUMENT, "nothing came")
        process, offset = self._process(first.start), first.start.offset
        while (message := await stream.recv_message()) is not None:
            await process.write(offset, message.data, message.HasField("end"))
            offset += len(message.data)
        return router.TaskExecStdinWriteStreamResponse()

    async def task_exec_stdin_status(
        self, request: router.TaskExecStdinStatusRequest
    ) -> router.TaskExecStdinStatusResponse:
        process = self._process(request)
        return router.TaskExecStdinStatusResponse(
            num_bytes_written=process.stdin_offset, closed=process.is_stdin_closed
        )

    async def task_exec_poll(
        self, request: router.TaskExecPollRequest
    ) -> router.TaskExecPollResponse:
        status = self._process(request).returncode
        if status is None:
            return router.TaskExecPollResponse()
        if status < 0:
            return router.TaskExecPollResponse(signal=-status)
        return router.TaskExecPollResponse(code=status)

    async def task_exec_wait(
        self, request: router.TaskExecWaitRequest
    ) -> router.TaskExecWaitResponse:
        process = self._process(request)
        await process.ended.wait()
        status = process.returncode or 0
        if status < 0:
            return router.TaskExecWaitResponse(signal=-status)
        return router.TaskExecWaitResponse(code=status)

    # The entrypoint of V2.

    async def sandbox_stdio_read_v2(
        self, request: router.SandboxStdioReadV2Request
    ) -> AsyncIterator[router.SandboxStdioReadV2Response]:
        is_error = request.file_descriptor == router.SANDBOX_STDIO_FILE_DESCRIPTOR_STDERR
        entrypoint = self._sandboxes.task(request.task_id).entrypoint
        offset = request.offset
        async for data in entrypoint.follow(STDERR if is_error else STDOUT, offset):
            yield router.SandboxStdioReadV2Response(data=data, starting_offset=offset)
            offset += len(data)

    async def sandbox_stdin_write_v2(
        self, request: router.SandboxStdinWriteV2Request
    ) -> router.SandboxStdinWriteV2Response:
        sandbox = self._running(request.task_id)
        sandbox.touch()
        await sandbox.entrypoint.write(request.offset, request.data, request.eof)
        return router.SandboxStdinWriteV2Response()

    # The sandbox as a whole.

    async def sandbox_wait_until_ready(
        self, request: router.SandboxWaitUntilReadyTcrRequest
    ) -> router.SandboxWaitUntilReadyTcrResponse:
        sandbox = self._running(request.task_id)
        probe = sandbox.definition.readiness_probe
        if not sandbox.definition.HasField("readiness_probe"):
            raise GRPCError(Status.FAILED_PRECONDITION, "Sandbox has no readiness probe")
        deadline = time.monotonic() + request.timeout
        while time.monotonic() < deadline:
            if await self._is_ready(self._running(request.task_id), probe):
                return router.SandboxWaitUntilReadyTcrResponse(ready_at=time.time())
            await asyncio.sleep(probe.interval_ms / 1000 or _INTERVAL)
        raise GRPCError(Status.DEADLINE_EXCEEDED, "Sandbox is not ready")

    async def task_reload_volumes(
        self, request: router.TaskReloadVolumesRequest
    ) -> router.TaskReloadVolumesResponse:
        opened = await self._running(request.task_id).reload_volumes()
        if opened:
            text = f"there are open files preventing the operation: {', '.join(opened)}"
            raise GRPCError(Status.FAILED_PRECONDITION, text)
        return router.TaskReloadVolumesResponse()

    async def task_snapshot_filesystem(
        self, request: router.TaskSnapshotFilesystemRequest
    ) -> router.TaskSnapshotFilesystemResponse:
        sandbox = self._running(request.task_id)
        image_id = await asyncio.to_thread(self._images.snapshot, sandbox.image, sandbox.root)
        return router.TaskSnapshotFilesystemResponse(image_id=image_id)

    def _running(self, task_id: str) -> Sandbox:
        sandbox = self._sandboxes.task(task_id)
        if sandbox.result is not None:
            raise GRPCError(Status.NOT_FOUND, "the task has ended")
        return sandbox

    def _process(
        self,
        request: router.TaskExecStdioReadRequest
        | router.TaskExecStdinWriteRequest
        | router.TaskExecStdinWriteStreamStart
        | router.TaskExecStdinStatusRequest
        | router.TaskExecPollRequest
        | router.TaskExecWaitRequest,
    ) -> Process:
        execs = self._sandboxes.task(request.task_id).execs
        if request.exec_id not in execs:
            raise GRPCError(Status.NOT_FOUND, f"exec {request.exec_id!r} not found")
        return execs[request.exec_id]

    def _variables(self, request: router.TaskExecStartRequest) -> dict[str, str]:
        by_id = [api.SecretSource(secret_id=secret_id) for secret_id in request.secret_ids]
        return self._secrets.merged([*by_id, *request.secret_sources]) | dict(request.env)

    async def _is_ready(self, sandbox: Sandbox, probe: api.Probe) -> bool:
        if probe.WhichOneof("probe_oneof") == "tcp_port":
            connection = await sandbox.connect(probe.tcp_port)
            if connection is not None:
                connection.close()
            return connection is not None
        process = sandbox.execute(new_id("ex"), probe.exec_command.argv, {}, "")
        await process.ended.wait()
        return process.returncode == 0
