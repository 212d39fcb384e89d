"""Run a front: settings in, gRPC up, one line that says so, until the owner is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from seer_runtime.front.auth import TokenInterceptor
from seer_runtime.front.log import BoundedLog
from seer_runtime.front.owner import owner_gone
from seer_runtime.front.service import RuntimeService
from seer_runtime.front.settings import Settings
from seer_runtime.front.workers import WorkerHost
from seer_runtime.processes import adopt_orphans, kill_descendants
from seer_runtime.wire.limits import SERVER_OPTIONS
from seer_runtime.wire.pb.runtime_pb2_grpc import add_RuntimeServicer_to_server

_SERVICES = ("", "seer.v1.Runtime")


def main() -> None:
    """Read the settings from the first line of standard input and serve."""
    settings = Settings.parse(_read_line())
    adopt_orphans()
    try:
        asyncio.run(_serve(settings))
    finally:
        kill_descendants()
        for folder in settings.remove_at_exit:
            shutil.rmtree(folder, ignore_errors=True)


async def _serve(settings: Settings) -> None:
    log = BoundedLog()
    host = WorkerHost(settings.environment, settings.working_directory, log)
    service = RuntimeService(host.spawn, log)
    server = grpc.aio.server(
        interceptors=[TokenInterceptor(settings.call_token_hash, settings.admin_token_hash)],
        options=SERVER_OPTIONS,
    )
    add_RuntimeServicer_to_server(service, server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    # A socket file is for this user alone.
    mask = os.umask(0o177)
    port = server.add_insecure_port(settings.address)
    os.umask(mask)
    await server.start()
    for name in _SERVICES:
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    sys.stdout.write(json.dumps({"ready": True, "port": port}) + "\n")
    sys.stdout.flush()
    reaping = asyncio.create_task(host.reap_orphans())
    reason = "the sandbox reached the end of its lifetime"
    with contextlib.suppress(TimeoutError):
        reason = await asyncio.wait_for(owner_gone(settings.owner), settings.lifetime)
    log.append(f"seer: stopping: {reason}")
    reaping.cancel()
    await checks.enter_graceful_shutdown()
    await server.stop(grace=0.5)
    await service.stop()


def _read_line() -> bytes:
    """Read up to the end of the line and no further: the rest is the owner's to close."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit("no settings on standard input; fronts are started by seer_rpc's backends")
        line += byte
    return bytes(line)
