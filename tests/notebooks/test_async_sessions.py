"""Notebook sessions for asyncio."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from seer_rpc import execution as blocking
from seer_rpc.environment import SandboxConfig
from seer_rpc.environment import aio as environment
from seer_rpc.errors import CellError, CellRunningError, ConfigError, NotebookAccessError
from seer_rpc.execution import aio
from seer_rpc.registry import find_sandbox
from seer_rpc.workspace import Library, Workspace
from tests.twins import assert_twin


@pytest.mark.parametrize("name", ["Execution", "NotebookClient", "NotebookSession"])
def test_every_method_has_a_twin_with_the_same_arguments(name: str) -> None:
    assert_twin(getattr(blocking, name), getattr(aio, name))


@pytest.mark.parametrize(
    "name", [f"{each}_notebook_session" for each in ("create", "attach", "resume", "fork")]
)
def test_sessions_are_made_with_the_same_arguments(name: str) -> None:
    functions = (getattr(blocking, name), getattr(aio, name))
    assert len({tuple(inspect.signature(each).parameters) for each in functions}) == 1


@pytest.mark.parametrize("backend", ["local", "modal"], indirect=True)
def test_a_session_is_made_and_attached_to(backend: str, tmp_path: Path) -> None:
    workspace = Workspace(
        [Library.from_code("def shout(text):\n    return text.upper()\n", "helpers")],
        custom_init_code="BASE = 40",
    )

    async def main() -> None:
        async with environment.Sandbox(SandboxConfig(), backend=backend) as sandbox:
            with pytest.raises(ConfigError):
                await aio.create_notebook_session(sandbox, name="a/b")
            session = await aio.create_notebook_session(
                sandbox, workspace, "looped", notebook_dir=tmp_path
            )
            assert session.sandbox is sandbox
            assert find_sandbox(sandbox.sandbox_id).is_detached
            assert (await session.exec("import helpers; helpers.shout(f'{BASE}a')")).ok
            assert await session.model_info_text == ""
            assert await session.notebook_path == "/workspace/looped.ipynb"
            other = await aio.attach_notebook_session(session.session_id, session.jupyter_url)
            with pytest.raises(CellError, match="ZeroDivisionError"):
                await other.exec("1 / 0")
            assert (await session.info())["kernel"] == "idle"
            assert len((await other.notebook())["cells"]) == 2
            await other.detach()
            await session.setup(Workspace(custom_init_code="BASE = 41"))
            assert (await session.exec("BASE", hidden=True)).text == "41\n"
            await session.terminate()
            with pytest.raises(NotebookAccessError):
                await aio.attach_notebook_session(session.session_id, session.jupyter_url)
        assert (tmp_path / "looped.ipynb").exists()

    asyncio.run(main())


@pytest.mark.parametrize("session", ["namespace"], indirect=True, scope="module")
def test_the_loop_goes_on_and_hears_what_is_printed(session: blocking.NotebookSession) -> None:
    code = "import time\nfor i in range(5):\n    print(i, flush=True)\n    time.sleep(0.1)"

    async def main() -> None:
        client, heard, ticks = aio.NotebookClient(session), list[str](), list[float]()
        loop = asyncio.get_running_loop()

        def hear(text: str) -> None:
            assert asyncio.get_running_loop() is loop
            heard.append(text)

        async def tick() -> None:
            while True:
                ticks.append(loop.time())
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        execution = await client.start(code)
        result = await execution.check(60, hear)
        ticking.cancel()
        assert result.text == "0\n1\n2\n3\n4\n" == "".join(heard)
        assert execution.is_over
        assert len(ticks) > 10

    asyncio.run(main())


@pytest.mark.parametrize("session", ["namespace"], indirect=True, scope="module")
def test_a_cancelled_wait_ends_and_the_code_runs_on(
    session: blocking.NotebookSession,
) -> None:
    async def main() -> None:
        client = aio.NotebookClient(session)
        running = asyncio.create_task(client.exec("import time\ntime.sleep(600)\nlate = 1"))
        while (await client.info())["kernel"] != "busy":
            await asyncio.sleep(0.05)
        # The server holds its answer back by now.
        await asyncio.sleep(0.5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await client.info())["kernel"] == "busy"
        with pytest.raises(CellRunningError):
            await client.execution((await client.info())["running"]).check(0)
        assert await client.interrupt()
        assert (await client.exec("'late' in dir()", timeout=60)).text == "False\n"

    asyncio.run(main())


@pytest.mark.parametrize("backend", ["local"], indirect=True)
def test_a_session_that_is_given_up_leaves_no_kernel(backend: str) -> None:
    async def main() -> None:
        async with environment.Sandbox(SandboxConfig(), backend=backend) as sandbox:
            code = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)"
            workspace = Workspace(custom_init_code=code)
            creating = asyncio.create_task(
                aio.create_notebook_session(sandbox, workspace, "given-up")
            )
            while not (await sandbox.run("ls begun")).ok:
                assert not creating.done()
                await asyncio.sleep(0.1)
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
            # Its name is free, and nobody has been told that the sandbox is to stay.
            assert not find_sandbox(sandbox.sandbox_id).is_detached
            again = await aio.create_notebook_session(sandbox, name="given-up", keep=False)
            assert (await again.exec("6 * 7", timeout=60)).text == "42\n"
            await again.detach()

    asyncio.run(main())
