"""Sessions and their sandboxes: workspaces, several sessions, and how one ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from seer_rpc.environment import ExecutionMode, Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.environment.packages import required_packages
from seer_rpc.errors import (
    CellError,
    ConfigError,
    NotebookAccessError,
    NotebookError,
    NotebookStartError,
)
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_rpc.locations import sandboxes_folder
from seer_rpc.registry import running_sandboxes
from seer_rpc.workspace import Library, Workspace
from tests.sandboxes.places import PLACES, shared_sandbox

WaitUntil = Callable[..., None]


@pytest.fixture(scope="module", params=PLACES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with shared_sandbox(request, SandboxConfig()) as started:
        yield started


def helpers(answer: int) -> Library:
    return Library.from_code(f"def answer():\n    return {answer}\n", name="helpers")


def package(text: str) -> Library:
    files = {"__init__.py": "from .inner import said\n", "inner.py": f"said = {text!r}\n"}
    return Library("parts", files)


def test_a_workspace_is_there_and_is_brought_up_to_date(sandbox: Sandbox) -> None:
    first = Workspace(
        libraries=[helpers(1), package("one")], custom_init_code="begun = [0]\nextra = 'first'"
    )
    session = create_notebook_session(sandbox, first, keep=False)
    code = "import helpers, parts\nfrom helpers import answer\n"
    assert session.exec(f"{code}(answer(), parts.said, begun, extra)").text == (
        "(1, 'one', [0], 'first')\n"
    )

    session.exec("begun.append(1)")
    second = Workspace(libraries=[helpers(2), package("two")], custom_init_code="extra = 'second'")
    session.setup(second)
    session.setup(second)
    state = session.exec("(answer(), helpers.answer(), parts.said, parts.inner.said, begun, extra)")
    assert state.text == "(2, 2, 'two', 'two', [0, 1], 'second')\n"
    assert [cell["source"].count("refresh") for cell in session.notebook()["cells"]] == [0, 0, 0]

    session.restart()
    assert session.exec(f"{code}(answer(), extra, 'begun' in globals())").text == (
        "(2, 'second', False)\n"
    )
    session.end()


def test_init_code_that_raises_is_told(sandbox: Sandbox) -> None:
    failing = Workspace(custom_init_code="1 / 0")
    with pytest.raises(CellError, match="ZeroDivisionError"):
        create_notebook_session(sandbox, failing, "begun", keep=False)

    # Nothing is left that has its name.
    mended = Workspace(custom_init_code="begun = 1")
    session = create_notebook_session(sandbox, mended, "begun", keep=False)
    assert session.exec("begun").text == "1\n"
    session.end()


def test_what_is_asked_for_during_a_restart_finds_what_the_kernel_begins_with(
    sandbox: Sandbox, wait_until: WaitUntil
) -> None:
    workspace = Workspace(custom_init_code="begun = 1")
    session = create_notebook_session(sandbox, workspace, keep=False)
    restarting = threading.Thread(target=session.restart)
    restarting.start()
    wait_until(lambda: session.info()["kernel"] == "restarting" or not restarting.is_alive())
    assert session.exec("begun", timeout=60).text == "1\n"
    restarting.join()
    session.end()


def test_sessions_of_one_sandbox_do_not_mix(sandbox: Sandbox) -> None:
    one, two = (create_notebook_session(sandbox, name=name, keep=False) for name in ("a", "b"))
    with pytest.raises(NotebookError, match=r"a\.ipynb is another session's"):
        create_notebook_session(sandbox, name="a", keep=False)
    with pytest.raises(ConfigError, match="cannot be the name"):
        create_notebook_session(sandbox, name="../a", keep=False)

    sandbox.write_file("/workspace/none.ipynb", '{"nbformat": 4, "cells": ["none"]}')
    with pytest.raises(NotebookError, match=r"none\.ipynb is no notebook"):
        create_notebook_session(sandbox, name="none", keep=False)

    texts: dict[str, list[str]] = {"one": [], "two": []}

    def run(session: NotebookSession, name: str) -> None:
        for number in range(5):
            texts[name].append(session.exec(f"name = {name!r}; print(name, {number})").text)

    threads = [threading.Thread(target=run, args=each) for each in ((one, "one"), (two, "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {name: [f"{name} {number}\n" for number in range(5)] for name in ("one", "two")}
    assert one.jupyter_url.split("token=")[1] != two.jupyter_url.split("token=")[1]

    one.end()
    with pytest.raises(NotebookError):
        one.exec("1")
    assert two.exec("name").text == "'two'\n"
    again = create_notebook_session(sandbox, name="a", keep=False)
    assert len(again.notebook()["cells"]) == 5
    for session in (two, again):
        session.end()


def test_many_cells_at_once_in_several_sessions_are_told_apart() -> None:
    with Sandbox() as sandbox, ThreadPoolExecutor(32) as pool:
        sessions = [create_notebook_session(sandbox, keep=False) for _ in range(4)]

        def run(place: tuple[int, int]) -> bool:
            session, cell = place
            code = f"import time\nfor i in range(4):\n    print({place}, i); time.sleep(0.01)"
            said = sessions[session].exec(code).text
            return said == "".join(f"{(session, cell)} {i}\n" for i in range(4))

        assert all(pool.map(run, [(session, cell) for cell in range(8) for session in range(4)]))
        for session in sessions:
            assert len(session.notebook()["cells"]) == 8
            session.detach()


@pytest.mark.parametrize("what", ["sandbox", "server"])
def test_an_end_in_mid_cell_is_heard_at_once(
    backend: str, what: str, tmp_path: Path, wait_until: WaitUntil
) -> None:
    with Sandbox(SandboxConfig(), backend=backend) as sandbox:
        session = create_notebook_session(sandbox, notebook_dir=tmp_path, keep=False)
        server = session.exec("import os; os.getppid()", hidden=True).text.strip()
        execution = session.start("print('runs', flush=True)\nimport time\ntime.sleep(600)")
        while "runs" not in execution.refresh(1.0).text:
            assert not execution.is_over
        copy = session.notebook_file
        assert copy is not None
        wait_until(lambda: '"runs\\n"' in copy.read_text())
        heard: list[float] = []

        def wait() -> None:
            with pytest.raises(NotebookAccessError, match="not to be reached"):
                execution.wait()
            heard.append(time.monotonic())

        waiting = threading.Thread(target=wait)
        waiting.start()
        if what == "sandbox":
            sandbox.terminate()
        else:
            sandbox.exec(["kill", "-KILL", server])
        waiting.join(30)
        assert heard
        session.detach()
    assert '"runs\\n"' in copy.read_text()


def test_without_a_place_for_the_copy_nothing_else_fails(tmp_path: Path) -> None:
    sandbox = Sandbox().start()
    copies = tmp_path / "copies"
    session = create_notebook_session(sandbox, notebook_dir=copies, keep=False)
    session.exec("'copied'")
    assert session.notebook_file is not None
    session.notebook_file.unlink()
    copies.rmdir()
    assert session.exec("'not copied'", timeout=60).text == "'not copied'\n"

    session.terminate()
    assert sandbox.sandbox_id not in {record.id for record in running_sandboxes()}


_LEFT_ALONE = """
import sys
from seer_rpc.backends.modal import definition
from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
definition._UNOWNED = 2
sandbox = Sandbox(SandboxConfig(idle_timeout=3), backend=sys.argv[1]).start()
session = create_notebook_session(sandbox)
session.start("import time, pathlib\\ntime.sleep(5)\\npathlib.Path('done').touch()")
print(sandbox.sandbox_id)
"""


def test_a_cell_that_runs_is_use_and_a_kernel_that_rests_is_not(
    backend: str, request: pytest.FixtureRequest, wait_until: WaitUntil
) -> None:
    # Whoever started it ends, and nobody is connected meanwhile.
    command = [sys.executable, "-c", _LEFT_ALONE, backend]
    sandbox_id = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    folder = sandboxes_folder() / sandbox_id.strip()
    if backend == "modal":
        (emulated,) = request.getfixturevalue("modal_emulator").running
        folder = emulated.root

    def runs() -> bool:
        return sandbox_id.strip() in {record.id for record in running_sandboxes()}

    wait_until((folder / "workspace" / "done").exists, seconds=60)
    assert runs()
    wait_until(lambda: not runs(), seconds=60)


def test_a_sandbox_for_the_command_line_has_none() -> None:
    config = SandboxConfig(execution_mode=ExecutionMode.CLI)
    with (
        Sandbox(config) as sandbox,
        pytest.raises(NotebookStartError, match="not prepared") as caught,
    ):
        create_notebook_session(sandbox)
    assert "NOTEBOOK" in caught.value.hint
    assert "ipykernel" not in {each.name for each in required_packages(config)}
    names = {each.name for each in required_packages(SandboxConfig(), has_notebooks=True)}
    assert {"jupyter_server", "ipykernel"} <= names
    assert not ScopedSandbox(SandboxConfig())._has_notebooks


@pytest.mark.parametrize("isolation", ["namespace", "landlock"])
def test_without_a_network_it_is_reached_from_this_machine_alone(
    isolation: Literal["namespace", "landlock"], wait_until: WaitUntil
) -> None:
    config = SandboxConfig(block_network=True, isolation=isolation)
    with Sandbox(config) as sandbox:
        session = create_notebook_session(sandbox, keep=False)
        assert session.exec("print('x' * 2_000_000)").text.startswith("xxx")
        reaching = "import socket; socket.create_connection(('127.0.0.1', {}), 2)"
        port = session.jupyter_url.split(":")[2].split("/")[0]
        with pytest.raises(CellError, match="Error"):
            session.exec(reaching.format(port))
        with socket.create_connection(("127.0.0.1", int(port))):
            pass
        session.detach()

    def is_gone() -> bool:
        try:
            socket.create_connection(("127.0.0.1", int(port))).close()
        except ConnectionRefusedError:
            return True
        return False

    wait_until(is_gone)
