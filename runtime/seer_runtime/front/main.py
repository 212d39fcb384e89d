"""Run a front: gRPC up, one line that says so, until there is a reason to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from seer_runtime.front.addresses import AddressInterceptor
from seer_runtime.front.auth import TokenInterceptor
from seer_runtime.front.commands import Commands
from seer_runtime.front.door import Door
from seer_runtime.front.ending import Ending, end_of_life, end_of_use
from seer_runtime.front.exits import Coroner
from seer_runtime.front.idleness import idle, last_write
from seer_runtime.front.journal import FrontJournal
from seer_runtime.front.log import BoundedLog
from seer_runtime.front.network import listen
from seer_runtime.front.owner import Hearing, Owner, heed_signals
from seer_runtime.front.paths import Paths
from seer_runtime.front.service import RuntimeService, add_to_server
from seer_runtime.front.usage import Usage
from seer_runtime.front.workbench import WorkbenchService
from seer_runtime.front.workers import WorkerHost
from seer_runtime.processes import die_with_parent
from seer_runtime.wire.exits import STOPPING
from seer_runtime.wire.journal import hold
from seer_runtime.wire.limits import DOOR, SERVER_OPTIONS
from seer_runtime.wire.marks import kill_marked
from seer_runtime.wire.pb.runtime_pb2_grpc import add_WorkbenchServicer_to_server
from seer_runtime.wire.settings import USED, Settings

_SERVICES = ("", "seer.v1.Runtime", "seer.v1.Workbench")


def main(settings: Settings) -> None:
    """Serve until there is a reason to stop."""
    die_with_parent(os.getppid())
    try:
        asyncio.run(_serve(settings))
    finally:
        kill_marked(settings.sandbox_id)


async def _serve(settings: Settings) -> None:
    if settings.journal:
        hold(settings.journal)
    log = BoundedLog()
    host = WorkerHost(
        settings.sandbox_id,
        settings.environment,
        settings.working_directory,
        settings.sockets,
        log,
        settings.journal,
        Coroner(settings.memory_events, settings.memory_limit),
        settings.python,
    )
    journal = FrontJournal(settings.journal)
    ending = Ending()
    owner, hearing, usage = Owner(), Hearing(), Usage()
    service = RuntimeService(
        host.spawn, log, journal, ending.ask, owner.release, settings.masked_names
    )
    tokens = TokenInterceptor(settings.call_token_digest, settings.admin_token_digest)
    allowed = settings.port.allowed if settings.port is not None else ()
    guards = [AddressInterceptor(allowed)] if allowed else []
    server = grpc.aio.server(interceptors=[*guards, hearing, tokens, usage], options=SERVER_OPTIONS)
    add_to_server(service, server)
    paths = Paths(settings.folders)
    commands = Commands(
        settings.sandbox_id,
        settings.environment,
        paths,
        Coroner(settings.memory_events, settings.memory_limit),
    )
    add_WorkbenchServicer_to_server(WorkbenchService(commands, paths), server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    # A socket file is for this user alone.
    mask = os.umask(0o177)
    server.add_insecure_port(settings.address)
    door = Door(service.sessions, (settings.call_token_digest, settings.admin_token_digest))
    entrance = await door.open(os.path.join(settings.sockets, DOOR))
    os.umask(mask)
    port = listen(server, settings.port) if settings.port is not None else None
    await server.start()
    for name in _SERVICES:
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    heed_signals(ending)
    sys.stdout.write("ready\n" if port is None else f"ready {port}\n")
    sys.stdout.flush()
    used = os.path.join(settings.sockets, USED)

    def last_use() -> float:
        return max(usage.last_use, service.sessions.last_use, last_write(used))

    watching = [
        *_watch_owner(settings, ending, owner, lambda: max(hearing.last, last_use())),
        *_watch_time(settings, ending, last_use),
    ]
    stop = await ending.reason()
    log.append(f"{STOPPING}{stop.text}")
    await checks.enter_graceful_shutdown()
    if stop.grace > 0:
        await ending.give_grace(asyncio.create_task(_drain(service, usage)), stop.grace)
    for task in watching:
        task.cancel()
    entrance.close()
    service.sessions.dismiss(stop.text)
    await server.stop(grace=0.5)
    await service.stop()
    journal.flush()


def _watch_owner(
    settings: Settings, ending: Ending, owner: Owner, last_heard: Callable[[], float]
) -> list[asyncio.Task[None]]:
    """Say when it is to end with its owner."""
    if settings.is_detached:
        return []
    if (seconds := settings.unowned_timeout) is None:
        return [asyncio.create_task(owner.watch_pipe(ending))]
    return [asyncio.create_task(owner.watch_calls(ending, seconds, last_heard))]


def _watch_time(
    settings: Settings, ending: Ending, last_use: Callable[[], float]
) -> list[asyncio.Task[None]]:
    """Say when it is time to end."""
    tasks: list[asyncio.Task[None]] = []
    if settings.lifetime is not None:
        living = asyncio.create_task(asyncio.sleep(settings.lifetime))
        living.add_done_callback(lambda _: ending.say(end_of_life(settings)))
        tasks.append(living)
    if settings.idle_timeout is not None:
        waiting = asyncio.create_task(idle(settings.idle_timeout, last_use))
        waiting.add_done_callback(lambda _: ending.say(end_of_use(settings)))
        tasks.append(waiting)
    return tasks


async def _drain(service: RuntimeService, usage: Usage) -> None:
    usage.drain()
    await service.drain()
    await usage.rest()
