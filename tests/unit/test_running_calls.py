"""Calls that several requests follow, and answers that are given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest
from fastmcp.tools import ToolResult

from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.errors import CallCancelledError, SandboxLostError
from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.calls import Reporter, RunningCall
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.results import told
from seer_rpc.mcp.terminal import answers
from seer_rpc.mcp.terminal.answers import Answers
from seer_rpc.mcp.terminal.desk import Desk
from seer_rpc.presentation import Progress


def test_all_who_follow_a_call_hear_of_its_end() -> None:
    async def main() -> None:
        running, going_on = RunningCall(McpTool("slow")), asyncio.Event()

        async def work() -> ToolResult:
            await going_on.wait()
            return told("done", {})

        async def held_up(done: float, total: float | None, message: str | None) -> None:
            # It ends, and another one who follows it looks again, while this one is being told.
            going_on.set()
            await asyncio.wait({running.task})
            await asyncio.sleep(0.1)

        async def heard(done: float, total: float | None, message: str | None) -> None:
            pass

        running.start(work())
        other = asyncio.create_task(running.follow(Reporter(heard), None))
        await asyncio.sleep(0.01)
        running.progress = Progress(1, None, "")
        async with asyncio.timeout(30):
            assert await running.follow(Reporter(held_up), None)
            assert await other

    asyncio.run(main())


def test_nothing_of_a_server_outlives_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What prints waits for the loop: it has to be there until that has ended."""
    ended: list[float] = []

    def run(on_output: OnOutput | None, seconds: float | None) -> CommandResult:
        assert on_output is not None
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            on_output("on\n")
        ended.append(time.monotonic())
        return CommandResult("", "", 0)

    async def report(done: float, total: float | None, message: str | None) -> None:
        pass

    class Context:
        report_progress = staticmethod(report)

    async def main() -> float:
        monkeypatch.setattr(answers, "get_context", Context)
        given = Answers(Jobs((), 60), tmp_path, None)
        asked: Awaitable[ToolResult] = asyncio.create_task(given.of_command("shell", run, None))
        await asyncio.sleep(0.1)
        await given.close()
        closed = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return closed

    closed = asyncio.run(main())
    assert ended[0] <= closed


def test_a_closed_desk_opens_no_connection(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "3fa94c51")
    with pytest.raises(SandboxLostError, match="3fa94c51 has ended"):
        desk.run("ls")
    desk.close()
    with pytest.raises(CallCancelledError):
        desk.run("ls")


def test_a_job_that_raises_the_unexpected_is_one_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def report(done: float, total: float | None, message: str | None) -> None:
        pass

    class Context:
        report_progress = staticmethod(report)

    def odd() -> ToolResult:
        time.sleep(0.1)
        raise TypeError("what a program said is no table")

    async def main() -> None:
        monkeypatch.setattr(answers, "get_context", Context)
        jobs = Jobs((), 0.01)
        job = (await Answers(jobs, tmp_path, None).of_work("processes", odd)).structured_content
        assert job is not None
        assert (await jobs.get(job["job_id"], Reporter(report))).is_error is False
        await asyncio.sleep(0.3)
        listed = jobs.list().structured_content
        assert listed is not None
        assert [each["status"] for each in listed["jobs"]] == ["failed"]

    asyncio.run(main())
