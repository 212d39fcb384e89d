"""Programs that use a pool: Ctrl-C at any moment, and what a terminal shows."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc.locations import sandboxes_folder

Write = Callable[..., Path]

SOURCE = """
    import asyncio


    @expose(concurrent=True)
    async def wait(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds
"""

INTERRUPTED = """
    import sys
    from seer_rpc.environment import SandboxPool
    from seer_rpc.workspace import Library, Workspace


    class Telling(Library):
        @property
        def files(self):
            print("starting", flush=True)
            return super().files


    try:
        with SandboxPool(size=3).start(Workspace(libraries=[Telling("telling", {})])) as pool:
            print("started", flush=True)
            tools = pool.serve(sys.argv[1])
            for outcome in tools.map("wait", [0.0, *[600.0] * 100]):
                print("mapping", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""

FORKED = """
    import os
    import sys
    from seer_rpc.environment import SandboxPool
    from seer_rpc.errors import SandboxError

    with SandboxPool(size=2) as pool:
        tools = pool.serve(sys.argv[1])
        waiting = tools.map("wait", [0.0, 1.0])
        next(waiting)
        child = os.fork()
        if not child:
            for use in (lambda: pool.serve(sys.argv[1]), lambda: tools.map("wait", [0.0])):
                try:
                    use()
                except SandboxError as error:
                    print(error.message, flush=True)
            waiting.close()
            pool.terminate()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print([each.result() for each in waiting])
        print([each.result() for each in tools.map("wait", [0.5])])
"""

WATCHED = """
    import sys
    from seer_rpc.environment import SandboxPool

    with SandboxPool(size=2) as pool:
        tools = pool.serve(sys.argv[1])
        # Longer than what is not worth a bar.
        print(sum(each.result() for each in tools.map("wait", [0.25] * 32, at_once=1)))
        print(sum(each.result() for each in tools.map("wait", iter([0.25] * 32), at_once=1)))
"""


@pytest.mark.parametrize("moment", ["starting", "started", "mapping"])
def test_an_interrupt_leaves_nothing(write: Write, moment: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), write(SOURCE)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(line == f"{moment}\n" for line in process.stdout)
        process.send_signal(signal.SIGINT)
        said = process.stdout.readlines()
        assert process.wait(60) == 0

    assert said[-1] == "interrupted\n"
    assert not any(sandboxes_folder().iterdir())


def test_a_fork_leaves_the_pool_to_its_parent(write: Write) -> None:
    program = [sys.executable, "-c", textwrap.dedent(FORKED), str(write(SOURCE))]
    said = subprocess.run(program, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    refused = "a forked process cannot use the sandboxes of its parent"
    assert said.splitlines() == [refused, refused, "[1.0]", "[0.5]"]


def test_a_terminal_shows_how_many_are_done(write: Write) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WATCHED), write(SOURCE)],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := terminal.read(1 << 16):
                shown += piece
        except OSError:
            # Its other end was closed.
            pass
        out, _ = process.communicate(timeout=60)

    assert out == b"8.0\n8.0\n"
    assert b"starting the 2 sandboxes of pool-" in shown
    assert b"/32" in shown
    assert b"wait 2" in shown
    # One thing at a time is shown, not each sandbox's own.
    assert b"loading tools in 2 sandboxes" in shown
    assert b"starting sandbox" not in shown
