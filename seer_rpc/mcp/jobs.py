"""Calls that take longer than a client waits: they go on as jobs, fetched later."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Collection

from fastmcp.tools import ToolResult

from seer_rpc.mcp.calls import Reporter, RunningCall
from seer_rpc.mcp.prefixes import free_prefix
from seer_rpc.mcp.results import refusal, told
from seer_rpc.presentation import RUNNING, job_so_far, last_items

MOST = 32
"""Jobs that are kept; the oldest that is over makes room for another."""

LIFETIME = 3600.0
"""Seconds that a result is kept."""

_MOST_SHOWN = 4_000
_ENDING = 10.0
"""Seconds in which a function that is ended has ended: the sandbox sees to that."""


class Jobs:
    """The calls that went on after their request was answered."""

    def __init__(self, taken: Collection[str], wait: float) -> None:
        """Answer after `wait` seconds. The tools get names that are not `taken`."""
        self.wait = wait
        self.prefix = free_prefix("job", ("get", "cancel", "list"), taken)
        self._jobs: dict[str, RunningCall] = {}

    async def answer(self, running: RunningCall, reporter: Reporter) -> ToolResult:
        """Give a call's result; one that takes long goes on, as a job where there is room."""
        try:
            if not await running.follow(reporter, self.wait):
                if self._has_room():
                    return self._keep(running)
                await running.follow(reporter, None)
        except BaseException:
            # The client wants it no more, or is gone: neither does the sandbox.
            running.task.cancel()
            raise
        return running.task.result()

    async def get(self, job_id: str, reporter: Reporter) -> ToolResult:
        """Give a job's result, or how far it is if it does not end within the wait."""
        running = self._find(job_id)
        if running is None:
            return self._unknown(job_id)
        if await running.follow(reporter, self.wait):
            return _result(running)
        return self._still_running(job_id, running)

    async def cancel(self, job_id: str) -> ToolResult:
        """End a job, and the function that runs in the sandbox for it."""
        running = self._find(job_id)
        if running is None:
            return self._unknown(job_id)
        was_over = running.task.done()
        running.task.cancel()
        await asyncio.wait({running.task}, timeout=_ENDING)
        if was_over:
            text = f"Job {job_id} was over already; {self.prefix}_get has its result."
        else:
            text = f"Job {job_id} ({running.tool.name}) was cancelled."
        return told(text, {"job_id": job_id, "status": _status(running)})

    def list(self) -> ToolResult:
        """Say which jobs there are, the newest last."""
        self._forget()
        jobs = [
            {
                "job_id": job_id,
                "tool": running.tool.name,
                "status": _status(running),
                "seconds": round(running.seconds, 1),
                "progress": str(running.progress or ""),
            }
            for job_id, running in self._jobs.items()
        ]
        return told(json.dumps(jobs) if jobs else "There are no jobs.", {"jobs": jobs})

    def _has_room(self) -> bool:
        """Tell whether another call can become a job."""
        self._forget()
        return len(self._jobs) < MOST or any(each.task.done() for each in self._jobs.values())

    def _keep(self, running: RunningCall) -> ToolResult:
        """Let a call go on; give what the request for it is answered with."""
        if len(self._jobs) >= MOST:
            self._jobs.pop(next(key for key, each in self._jobs.items() if each.task.done()))
        job_id = uuid.uuid4().hex
        self._jobs[job_id] = running
        return self._still_running(job_id, running)

    def _find(self, job_id: str) -> RunningCall | None:
        self._forget()
        return self._jobs.get(job_id)

    def _forget(self) -> None:
        """Let go of results that nobody came for."""
        now = time.monotonic()
        self._jobs = {
            job_id: running
            for job_id, running in self._jobs.items()
            if running.ended is None or now - running.ended < LIFETIME
        }

    def _still_running(self, job_id: str, running: RunningCall) -> ToolResult:
        name = running.tool.name
        parts = [
            f"{name} still runs after {running.seconds:.0f} s. It goes on as job {job_id}: call "
            f"{self.prefix}_get with this job_id for its result, {self.prefix}_cancel to end it."
        ]
        known = job_so_far(job_id, running.progress, running.items)
        if running.progress is not None:
            parts.append(f"Progress: {running.progress}")
        if running.output:
            parts.append(f"It printed, at last:\n{running.output}")
            known["output"] = running.output
        if running.items:
            text = json.dumps(last_items(running.items), ensure_ascii=False)
            parts.append(
                f"{len(running.items)} items so far, the last of them: {text[-_MOST_SHOWN:]}"
            )
        return told("\n".join(parts), {"note": "\n".join(parts), **known})

    def _unknown(self, job_id: str) -> ToolResult:
        return refusal(
            f"There is no job {job_id[:64]!r}. Jobs are kept for {LIFETIME / 60:.0f} minutes after "
            f"their end, {MOST} at most, and go with this server; {self.prefix}_list names those "
            "that there are. If yours is not among them, call its tool again."
        )


def _status(running: RunningCall) -> str:
    if not running.task.done():
        return RUNNING
    if running.task.cancelled():
        return "cancelled"
    return "failed" if running.task.result().is_error else "done"


def _result(running: RunningCall) -> ToolResult:
    if running.task.cancelled():
        return refusal(f"{running.tool.name} was cancelled after {running.seconds:.0f} s.")
    return running.task.result()
