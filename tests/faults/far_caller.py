"""A client at the near end of a wire: what it saw, as JSON. Run as a module."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np

from seer_rpc.client import Connection, Session
from tests.faults.far_interface import make

_BEGUN = 1.0
"""Seconds after which a small call has arrived."""

_LONG = 100.0


def transfer(connection: Connection, size: int) -> dict[str, Any]:
    """Send and fetch much at the same time, and see how long small things take meanwhile."""
    reports: list[float] = []

    def hear(
        call: Hashable, function: str, done: float | None, total: float | None, message: str
    ) -> None:
        if done is not None:
            reports.append(time.monotonic() - done)

    with Session(connection, on_progress=hear) as session:
        saw = asyncio.run(_transfer(session, size))
        return {**saw, "reports": reports, "connections": session._relay._attempts}


async def _transfer(session: Session, size: int) -> dict[str, Any]:
    values = make(size)
    crossings = asyncio.gather(
        session.call_async("is_whole", [values, size], {}), session.call_async("make", [size], {})
    )
    begin = time.monotonic()
    reporting = asyncio.create_task(session.call_async("report", [_LONG], {}))
    echoes: list[float] = []
    cancelled: dict[int, float] = {}
    while not crossings.done():
        since = time.monotonic()
        await session.call_async("echo", [1], {})
        echoes.append(time.monotonic() - since)
        number = time.monotonic_ns()
        nap = asyncio.create_task(session.call_async("nap", [number, _LONG], {}))
        await asyncio.sleep(_BEGUN)
        cancelled[number] = time.monotonic()
        await _cancel(nap)
    is_whole, came = await crossings
    seconds = time.monotonic() - begin
    await _cancel(reporting)
    ends = await session.call_async("ends", [], {})
    return {
        "seconds": seconds,
        "whole": is_whole and np.array_equal(came, values),
        "echoes": echoes,
        "cancellations": [ends[number] - at for number, at in cancelled.items() if number in ends],
    }


def send(connection: Connection, size: int) -> dict[str, Any]:
    """Send much, and hear nothing meanwhile."""
    with Session(connection) as session:
        begin = time.monotonic()
        is_whole = session.call("is_whole", [make(size), size], {})
        seconds = time.monotonic() - begin
        return {"seconds": seconds, "whole": is_whole, "connections": session._relay._attempts}


def wait(connection: Connection) -> dict[str, Any]:
    """Wait for a call that takes a moment."""
    with Session(connection) as session:
        sys.stdout.write("calling\n")
        sys.stdout.flush()
        value = session.call("nap", [-1, 2.0], {})
        return {"value": value, "connections": session._relay._attempts}


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


PROGRAMS: dict[str, Callable[..., dict[str, Any]]] = {
    "transfer": transfer,
    "send": send,
    "wait": wait,
}

if __name__ == "__main__":
    connection = Connection.read(Path(sys.argv[2]))
    sys.stdout.write(json.dumps(PROGRAMS[sys.argv[1]](connection, *map(int, sys.argv[3:]))))
