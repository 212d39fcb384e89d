"""Calls through MCP that take time, are given up, or lose their sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastmcp.client.client import CallToolResult

from seer_rpc.environment import ScopedSandbox
from tests.integration.mcp_talk import Talk, talk, text_of
from tests.pids import front_of

# The functions write to files that the tests read.
ISOLATION = "none"

SOURCE = """
import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

calls = []


@expose
def count() -> int:
    calls.append(1)
    return len(calls)


@expose
def steps(total: int, pause: float = 0.05) -> str:
    for number in range(total):
        progress(number + 1, total, f"step {number + 1}")
        time.sleep(pause)
    return "done"


@expose
def swings() -> str:
    for done in (1, 3, 2, 4):
        progress(done)
        time.sleep(0.1)
    return "done"


@expose
def pour(items: int, pause: float) -> Iterator[int]:
    for number in range(items):
        yield number
        time.sleep(pause)


@expose
async def wait(seconds: float, evidence: str) -> str:
    Path(evidence).write_text("began")
    try:
        await asyncio.sleep(seconds)
    except BaseException as error:
        Path(evidence).write_text(type(error).__name__)
        raise
    return "waited"


@expose
def spill(evidence: str) -> Iterator[int]:
    Path(evidence).write_text("began")
    try:
        for number in range(10_000):
            yield number
            time.sleep(0.01)
    finally:
        Path(evidence).write_text("closed")


@expose(timeout=1.5)
async def hurried(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "in time"


@expose
def die() -> None:
    os._exit(7)


@expose
def fail_late() -> None:
    time.sleep(2.5)
    raise KeyError("late")
"""

CLASHING = """
@expose
def job_get() -> str:
    return "mine"


@expose
def nap(seconds: float) -> str:
    import time
    time.sleep(seconds)
    return "napped"
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("mcp") / "interface.py"
    file.write_text(SOURCE)
    return file


@pytest.fixture(scope="module", params=["auto", "legacy"])
def server(request: pytest.FixtureRequest, shared: ScopedSandbox, file: Path) -> Iterator[Talk]:
    with talk(shared.serve(file, "mcp", f"calls_{request.param}"), request.param) as talking:
        yield talking


@pytest.fixture(scope="module")
def hasty(shared: ScopedSandbox, file: Path) -> Iterator[Talk]:
    """A server that answers with a job after a moment."""
    config = shared.serve(file, expose_as="mcp", name="hasty")
    config["hasty"]["args"] += ["--wait", "1.0"]
    with talk(config) as talking:
        yield talking


def reported(server: Talk, tool: str, **arguments: Any) -> list[tuple[float, float | None, str]]:
    """Call, and give the progress that the client heard of."""
    heard: list[tuple[float, float | None, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message or ""))

    async def call() -> CallToolResult:
        return await server.client.call_tool(tool, arguments, progress_handler=hear)

    server.portal.call(call)
    return heard


def give_up(server: Talk, tool: str, evidence: Path) -> None:
    """Call, and cancel the request when the function has begun."""

    async def call() -> None:
        async with anyio.create_task_group() as calling:
            calling.start_soon(call_with_evidence)
            while not evidence.exists():
                await anyio.sleep(0.02)
            calling.cancel_scope.cancel()

    async def call_with_evidence() -> None:
        more = {"seconds": 600} if tool == "wait" else {}
        await server.client.call_tool(tool, {"evidence": str(evidence), **more})

    server.portal.call(call)


def job_of(result: CallToolResult) -> str:
    assert not result.is_error
    assert result.structured_content is not None
    return str(result.structured_content["job_id"])


def test_progress_reaches_the_client(server: Talk) -> None:
    heard = reported(server, "steps", total=3)

    assert heard == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]


def test_progress_only_grows(server: Talk) -> None:
    assert [done for done, _, _ in reported(server, "swings")] == [1, 3, 4]


def test_the_items_of_a_stream_are_progress(server: Talk) -> None:
    assert [done for done, _, _ in reported(server, "pour", items=3, pause=0.1)] == [1, 2, 3]


def test_progress_is_that_of_the_call(server: Talk) -> None:
    async def both() -> list[list[float]]:
        heard: list[list[float]] = [[], []]

        async def call(index: int, total: int) -> None:
            async def hear(progress: float, total: float | None, message: str | None) -> None:
                heard[index].append(total or 0)

            await server.client.call_tool("steps", {"total": total}, progress_handler=hear)

        await asyncio.gather(call(0, 2), call(1, 3))
        return heard

    assert server.portal.call(both) == [[2, 2], [3, 3, 3]]


def test_a_cancelled_request_cancels_the_function(
    server: Talk, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    evidence = tmp_path / "evidence"

    give_up(server, "wait", evidence)

    wait_until(lambda: evidence.read_text() == "CancelledError")
    assert isinstance(server.value("count"), int)


def test_a_cancelled_request_ends_a_stream(
    server: Talk, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    evidence = tmp_path / "evidence"

    give_up(server, "spill", evidence)

    wait_until(lambda: evidence.read_text() == "closed")


def test_others_are_answered_while_a_call_runs(server: Talk) -> None:
    async def both() -> tuple[int, str]:
        slow = asyncio.create_task(server.client.call_tool("steps", {"total": 40}))
        answers = 0
        while not slow.done():
            await server.client.list_tools()
            answers += 1
            await asyncio.sleep(0.05)
        return answers, text_of(await slow)

    answers, text = server.portal.call(both)
    assert text == "done"
    # The first may come before the call, and the last behind it.
    assert answers > 3


def test_a_function_s_own_deadline_ends_it(server: Talk) -> None:
    assert server.value("hurried", seconds=0.01) == "in time"
    error = server.error("hurried", seconds=30)

    assert error.startswith("DeadlineExceededError")
    assert "1.5 s" in error


def test_a_worker_that_dies_is_told_and_the_next_call_works(server: Talk) -> None:
    error = server.error("die")

    assert error.startswith("WorkerDiedError")
    assert "7" in error
    # The session hears of the restart once.
    told = server.call("count")
    assert not told.is_error or "StateLost" in text_of(told)
    assert server.value("count") >= 1


def test_a_long_call_goes_on_as_a_job(hasty: Talk) -> None:
    begun = hasty.call("steps", total=30, pause=0.1)
    job = job_of(begun)

    assert "job_get with this job_id" in text_of(begun)
    assert "Progress: " in text_of(begun)
    assert begun.structured_content is not None
    assert begun.structured_content["progress"]["total"] == 30
    assert [each["job_id"] for each in hasty.value("job_list")["jobs"]][-1:] == [job]
    result = hasty.call("job_get", job_id=job)
    while text_of(result) != "done":
        assert job_of(result) == job
        result = hasty.call("job_get", job_id=job)
    assert result.structured_content == {"result": "done"}
    # Asked again, it says the same.
    assert text_of(hasty.call("job_get", job_id=job)) == "done"
    statuses = {each["job_id"]: each["status"] for each in hasty.value("job_list")["jobs"]}
    assert statuses[job] == "done"


def test_a_job_tells_the_items_so_far(hasty: Talk) -> None:
    result = hasty.call("pour", items=30, pause=0.1)
    told = result.structured_content

    assert told is not None
    assert 1 <= told["items_so_far"] < 30
    assert "[0" in text_of(result)
    job = job_of(result)
    while not (told is not None and "result" in told):
        told = hasty.call("job_get", job_id=job).structured_content
    assert told["result"] == list(range(30))


def test_a_job_that_is_cancelled_cancels_the_function(
    hasty: Talk, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    evidence = tmp_path / "evidence"
    job = job_of(hasty.call("wait", seconds=600, evidence=str(evidence)))
    wait_until(evidence.exists)

    told = hasty.value("job_cancel", job_id=job)

    assert told["status"] == "cancelled"
    wait_until(lambda: evidence.read_text() == "CancelledError")
    assert "cancelled" in hasty.error("job_get", job_id=job)


def test_the_error_of_a_job_is_that_of_the_call(hasty: Talk) -> None:
    job = job_of(hasty.call("fail_late"))
    result = hasty.call("job_get", job_id=job)
    while not result.is_error:
        result = hasty.call("job_get", job_id=job)

    assert "KeyError: 'late'" in text_of(result)
    assert 'raise KeyError("late")' in text_of(result)


@pytest.mark.parametrize("tool", ["job_get", "job_cancel"])
def test_a_job_that_is_not_known_says_what_to_do(hasty: Talk, tool: str) -> None:
    error = hasty.error(tool, job_id="0" * 32)

    assert "There is no job" in error
    assert "job_list" in error


async def waits_in_vain(server: Talk) -> bool:
    """Call, and tell whether there was no answer for a while."""
    with anyio.move_on_after(1.0) as scope:
        await server.client.call_tool("steps", {"total": 1})
    return scope.cancelled_caught


def test_too_many_jobs_wait_for_their_ends(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="crowd")
    config["crowd"]["args"] += ["--wait", "0.01"]
    with talk(config) as server:
        # The sandbox runs one after the other.
        jobs = [job_of(server.call("steps", total=1, pause=300)) for _ in range(32)]
        assert server.portal.call(waits_in_vain, server)
        assert len(set(jobs)) == 32
        assert len(server.value("job_list")["jobs"]) == 32
        server.call("job_cancel", job_id=jobs[-1])
        # One that is over makes room.
        job_of(server.call("steps", total=1, pause=300))
        assert jobs[-1] not in str(server.value("job_list"))


def test_tools_for_jobs_have_names_of_their_own(shared: ScopedSandbox, tmp_path: Path) -> None:
    file = tmp_path / "clashing.py"
    file.write_text(CLASHING)
    config = shared.serve(file, expose_as="mcp")
    config["clashing"]["args"] += ["--wait", "0.2"]
    with talk(config) as server:
        assert list(server.tools()) == [
            "job_get",
            "nap",
            "call_job_get",
            "call_job_cancel",
            "call_job_list",
        ]
        assert server.value("job_get") == "mine"
        result = server.call("nap", seconds=1)
        assert "call_job_get" in text_of(result)
        job = job_of(result)
        while text_of(result) != "napped":
            result = server.call("call_job_get", job_id=job)


def test_a_server_option_ends_calls_that_take_too_long(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="limited")
    config["limited"]["args"] += ["--timeout", "0.3"]
    with talk(config) as server:
        assert server.error("steps", total=1000).startswith("DeadlineExceededError")


def test_jobs_end_with_the_server(
    shared: ScopedSandbox, file: Path, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    evidence = tmp_path / "evidence"
    config = shared.serve(file, expose_as="mcp", name="leaving")
    config["leaving"]["args"] += ["--wait", "0.2"]
    with talk(config) as server:
        job_of(server.call("wait", seconds=600, evidence=str(evidence)))
        wait_until(evidence.exists)

    wait_until(lambda: evidence.read_text() == "CancelledError")


def test_two_servers_of_one_interface_share_its_state(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="twice")

    with talk(config) as first, talk(config) as second:
        assert [first.value("count"), second.value("count"), first.value("count")] == [1, 2, 3]


def test_a_server_says_that_its_sandbox_has_ended(file: Path) -> None:
    with ScopedSandbox() as scoped:
        config = scoped.serve(file, expose_as="mcp", name="ended")
        with talk(config) as server:
            assert server.value("count") == 1
            scoped.terminate()

            for _ in range(2):
                error = server.error("count")
                assert "SandboxLostError" in error or "ConnectionFileError" in error
                assert "start the script" in error
            assert "count" in server.tools()


def test_a_server_starts_without_its_sandbox_and_says_so(file: Path) -> None:
    with ScopedSandbox() as scoped:
        config = scoped.serve(file, expose_as="mcp", name="gone")

    with talk(config) as server:
        assert list(server.tools())[:2] == ["count", "steps"]
        error = server.error("count")
    assert "ConnectionFileError" in error
    assert "start the script" in error


def test_a_front_that_is_killed_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScopedSandbox() as scoped:
        config = scoped.serve(file, expose_as="mcp", name="killed")
        with talk(config) as server:
            assert server.value("count") == 1
            front = os.pidfd_open(front_of(scoped))
            signal.pidfd_send_signal(front, signal.SIGKILL)
            assert select.select([front], [], [], 60)[0]
            os.close(front)

            error = server.error("count")
    assert "start the script" in error


def test_a_server_of_an_earlier_version_says_so(shared: ScopedSandbox, tmp_path: Path) -> None:
    file = tmp_path / "versions.py"
    file.write_text("@expose\ndef version(of: int) -> int:\n    return 1\n")
    config = shared.serve(file, expose_as="mcp")
    with talk(config) as server:
        file.write_text("@expose\ndef version(of: str) -> int:\n    return 2\n")
        again = shared.serve(file, expose_as="mcp")

        assert again == config
        error = server.error("version", of=1)
        assert error.startswith("SchemaChangedError")
        assert "restart it" in error
    with talk(config) as server:
        assert server.value("version", of="a") == 2


def test_nothing_but_mcp_is_on_standard_output(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="quiet")["quiet"]

    async def talk_raw() -> list[Any]:
        process = await asyncio.create_subprocess_exec(
            config["command"],
            *config["args"],
            env=config["env"],
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        messages: list[dict[str, Any]] = [
            {
                "method": "initialize",
                "id": 1,
                "params": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"},
                },
            },
            {"method": "notifications/initialized"},
            {"method": "tools/call", "id": 2, "params": {"name": "count", "arguments": {}}},
        ]
        assert process.stdin is not None
        assert process.stdout is not None
        answers = []
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            if "id" in message:
                answers.append(json.loads(await process.stdout.readline()))
        process.stdin.close()
        rest = await process.stdout.read()
        assert process.stderr is not None
        assert await process.wait() == 0
        return [*answers, rest, await process.stderr.read()]

    begun, counted, rest, err = asyncio.run(talk_raw())
    assert begun["result"]["serverInfo"]["name"] == "quiet"
    assert counted["result"]["structuredContent"] == {"result": 1}
    assert rest == b""
    assert err == b""
