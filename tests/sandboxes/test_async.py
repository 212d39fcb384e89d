"""The sandboxes for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc import environment
from seer_rpc.environment import SandboxConfig, aio
from seer_rpc.errors import CommandError, CommandTimeoutError, SandboxFileNotFoundError
from tests.twins import assert_twin

LONG = "echo $$; exec sleep 5432"


@pytest.mark.parametrize("name", ["Sandbox", "ScopedSandbox", "SandboxPool"])
def test_every_method_has_a_twin_with_the_same_arguments(name: str) -> None:
    assert_twin(getattr(environment, name), getattr(aio, name))


@pytest.mark.on_gpus
def test_it_does_what_the_blocking_one_does(backend: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with aio.Sandbox(SandboxConfig(env={"A": "b"}), backend=backend) as sandbox:
            assert await sandbox.exec("echo $A; cat", input="given") == "b\ngiven"
            assert await sandbox.exec_python("print(1)") == "1\n"
            assert (await sandbox.run("exit 3")).exit_code == 3
            with pytest.raises(CommandError):
                await sandbox.exec("false")
            with pytest.raises(CommandTimeoutError):
                await sandbox.exec("sleep 100", timeout=0.2)
            await sandbox.write_file("deep/file", b"\xff")
            assert await sandbox.read_bytes("deep/file") == b"\xff"
            assert [info.kind for info in await sandbox.list_files()] == ["folder"]
            assert (await sandbox.snapshot("as it is")).description == "as it is"
            async with await aio.Sandbox.from_id(sandbox.sandbox_id) as again:
                assert await again.read_bytes("deep/file") == b"\xff"
            assert (await sandbox.download("deep", tmp_path / "deep")).is_dir()
            await sandbox.upload_dir(tmp_path / "deep", "again")
            await sandbox.ensure_dir("made")
            await sandbox.remove("deep")
            with pytest.raises(SandboxFileNotFoundError):
                await sandbox.read_file("deep/file")
            assert await sandbox.calls() == []

    asyncio.run(main())


def test_the_loop_goes_on_meanwhile(backend: str) -> None:
    async def main() -> None:
        async with aio.Sandbox(backend=backend) as sandbox:
            begun = time.monotonic()
            results = await asyncio.gather(
                *(sandbox.exec(f"sleep 1; echo {number}") for number in range(50))
            )
            assert [int(result) for result in results] == list(range(50))
            # One after the other would take longer.
            assert time.monotonic() - begun < 49

    asyncio.run(main())


def test_a_command_that_is_cancelled_ends(backend: str, wait_until: Callable[..., None]) -> None:
    async def main() -> None:
        async with aio.Sandbox(backend=backend) as sandbox:
            started = asyncio.Event()
            pids: list[str] = []

            def note(text: str) -> None:
                pids.append(text.strip())
                started.set()

            running = asyncio.create_task(sandbox.exec(LONG, on_output=note))
            await started.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(running, 60)
            deadline = time.monotonic() + 60
            while (await sandbox.run(["kill", "-0", pids[0]])).ok:
                assert time.monotonic() < deadline
            assert await sandbox.exec("echo alive") == "alive\n"

    asyncio.run(main())


def test_asyncio_has_its_own_time_limits(backend: str) -> None:
    async def main() -> None:
        async with aio.Sandbox(backend=backend) as sandbox:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await sandbox.exec("sleep 100")

    asyncio.run(main())


def test_a_start_that_is_cancelled_leaves_nothing(backend: str) -> None:
    async def main() -> None:
        sandbox = aio.Sandbox(backend=backend)
        starting = asyncio.create_task(sandbox.start())
        await asyncio.sleep(0.05)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert sandbox.sync._run is None

    asyncio.run(main())


def test_an_error_of_a_callback_is_raised(backend: str) -> None:
    async def main() -> None:
        def fail(text: str) -> None:
            raise RuntimeError("of mine")

        async with aio.Sandbox(backend=backend) as sandbox:
            with pytest.raises(RuntimeError, match="of mine"):
                await sandbox.exec(LONG, on_output=fail)

    asyncio.run(main())


def test_interfaces_are_served(backend: str, tmp_path: Path) -> None:
    file = tmp_path / "tools.py"
    file.write_text("@expose\ndef double(x: int) -> int:\n    return 2 * x\n")

    async def main() -> None:
        async with aio.ScopedSandbox(backend=backend) as scoped:
            library = await scoped.serve(file)
            assert "double" in library.docs
            assert "double" in await scoped.prompt("tools")
            assert scoped.connection("tools").interface == "tools"

    asyncio.run(main())
