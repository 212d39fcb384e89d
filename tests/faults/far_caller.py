"""A client at the near end of a wire: what it saw, as JSON. Run as a module."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seer_rpc.client import Connection, Session
from tests.faults.far_interface import make

T = TypeVar("T")

_SIZE = 64 << 20
_BEGUN = 1.0
"""Seconds after which a small call has arrived."""


def transfer(connection: Connection) -> dict[str, Any]:
    """Send and fetch much at the same time, and see how long small things take meanwhile."""
    reports: list[float] = []

    def hear(
        call: Hashable, function: str, done: float | None, total: float | None, message: str
    ) -> None:
        if done is not None:
            reports.append(time.monotonic() - done)

    with Session(connection, on_progress=hear) as session:
        saw = asyncio.run(_transfer(session))
        return {**saw, "reports": reports, "connections": session._relay._attempts}


async def _transfer(session: Session) -> dict[str, Any]:
    values = make(_SIZE)
    there = asyncio.create_task(_timed(session.call_async("is_whole", [values, _SIZE], {})))
    back = asyncio.create_task(_timed(session.call_async("make", [_SIZE], {})))
    reporting = asyncio.create_task(session.call_async("report", [60.0], {}))
    echoes: list[float] = []
    cancelled: list[float] = []
    while not (there.done() or back.done()):
        seconds, _ = await _timed(session.call_async("echo", [1], {}))
        echoes.append(seconds)
        nap = asyncio.create_task(session.call_async("nap", [len(cancelled), 60.0], {}))
        await asyncio.sleep(_BEGUN)
        cancelled.append(time.monotonic())
        await _cancel(nap)
    there_seconds, is_whole = await there
    back_seconds, came = await back
    await _cancel(reporting)
    ends = await session.call_async("ends", [], {})
    return {
        "seconds": [there_seconds, back_seconds],
        "whole": [is_whole, np.array_equal(came, values)],
        "echoes": echoes,
        "cancellations": [ends[number] - cancelled[number] for number in sorted(ends)],
    }


def cut(connection: Connection) -> dict[str, Any]:
    """Wait for a call that takes a moment, while the wire is cut."""
    with Session(connection) as session:
        sys.stdout.write("calling\n")
        sys.stdout.flush()
        value = session.call("nap", [-1, 2.0], {})
        return {"value": value, "connections": session._relay._attempts}


async def _timed(call: Awaitable[T]) -> tuple[float, T]:
    begin = time.monotonic()
    value = await call
    return time.monotonic() - begin, value


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


_PROGRAMS: dict[str, Callable[[Connection], dict[str, Any]]] = {"transfer": transfer, "cut": cut}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(_PROGRAMS[sys.argv[1]](Connection.read(Path(sys.argv[2])))))
