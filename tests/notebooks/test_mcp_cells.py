"""Cells that an agent runs, in a session that it started: what it is told of them, and when."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mcp_types
import pytest

from seer_rpc.registry import running_sandboxes
from tests.integration.mcp_talk import Talk, talk, text_of
from tests.notebooks.mcp_servers import over_stdio

WaitUntil = Callable[..., None]

NAMES = {
    *("attach_to_session", "start_new_session", "list_sessions", "execute_code", "get_output"),
    *("interrupt", "restart", "add_markdown", "edit_cell", "read_notebook", "resume_session"),
    *("fork_session", "shutdown_session"),
}
NUMBERS = "import time\nfor i in range(600): print('number', i, flush=True); time.sleep(0.1)"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder that the server knows."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state-of-server")
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def server(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A client that started a server."""
    with talk(over_stdio(tmp_path_factory.mktemp("copies"))) as client:
        yield client


@pytest.fixture(scope="module")
def session(server: Talk) -> str:
    """A session that was started by it."""
    started = server.value("start_new_session", name="own")
    assert started["kernel"] == "idle"
    return str(started["session_id"])


@pytest.fixture
def run(server: Talk, session: str) -> Callable[..., Any]:
    """Run code in it."""

    def run_code(code: str, **options: Any) -> Any:
        return server.call("execute_code", session_id=session, code=code, **options)

    return run_code


def test_every_tool_says_what_it_does(server: Talk) -> None:
    tools = server.tools()
    assert set(tools) == NAMES
    for name, tool in tools.items():
        assert tool.description
        assert "{wait}" not in json.dumps(tool.input_schema) + tool.description
        properties = tool.input_schema["properties"]
        assert "session_id" in properties or name in ("start_new_session", "list_sessions")
        assert all("description" in each for each in properties.values())
    assert "attach_to_session" in (server.client.instructions or "")
    assert "steering_hook" in (server.client.instructions or "")


def test_tools_that_only_add_or_read_are_not_called_destructive(server: Talk) -> None:
    destructive = {
        name
        for name, tool in server.tools().items()
        if tool.annotations is not None and tool.annotations.destructive_hint
    }
    assert destructive == {
        *("execute_code", "edit_cell", "interrupt", "restart", "resume_session"),
        "shutdown_session",
    }


def test_a_session_that_is_not_attached_says_how_to_attach(server: Talk) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "execute_code": {"code": "1"},
        "get_output": {"execution_id": "a"},
        "add_markdown": {"content": "a"},
        "edit_cell": {"cell_id": "a", "code": "1"},
        "fork_session": {"name": "a"},
    }
    for name in NAMES - {"start_new_session", "list_sessions", "attach_to_session"}:
        error = server.error(name, session_id="unheard-of", **arguments.get(name, {}))
        assert "unheard-of" in error
        if name != "resume_session":
            assert "attach_to_session(session_id=..., jupyter_url=...)" in error
    assert "no 'cod'" in server.error("execute_code", session_id="a", cod="1")
    assert "session_id" in server.error("execute_code", session_id="../a", code="1")
    assert "whole" in server.error("attach_to_session", session_id="a", jupyter_url="http://x/")


def test_variables_stay_and_results_are_structured(run: Callable[..., Any], session: str) -> None:
    run("kept = 20")
    result = run("print('said'); kept + 1")
    structured = result.structured_content
    assert not result.is_error
    assert text_of(result).endswith("said\n21")
    assert structured["status"] == "done"
    assert structured["session_id"] == session
    assert structured["notebook_path"] == "/workspace/own.ipynb"
    assert structured["truncated"] is False
    assert [each["text"] for each in structured["outputs"]] == ["said\n", "21"]
    assert isinstance(structured["execution_count"], int)
    assert structured["cell_id"]
    assert text_of(run("None")).endswith("It put nothing out.")


def test_errors_are_errors_with_the_lines_of_the_code(run: Callable[..., Any]) -> None:
    result = run("print('before')\ndef f():\n    return 1 / 0\nf()")
    assert result.is_error
    assert result.structured_content["status"] == "error"
    text = text_of(result)
    assert "before" in text
    assert "----> 3" not in text.split("ZeroDivisionError")[0]
    assert "3     return 1 / 0" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "\x1b" not in text
    assert "Nobody can answer input()" in text_of(run("input('name?')"))


def test_images_and_tables_are_shown(run: Callable[..., Any]) -> None:
    result = run(
        "import base64, io\n"
        "from PIL import Image as I\n"
        "from IPython.display import HTML, Image, display, clear_output\n"
        "print('gone'); clear_output()\n"
        "file = io.BytesIO(); I.new('RGB', (2000, 1000)).save(file, 'PNG')\n"
        "display(Image(file.getvalue()))\n"
        "display(HTML('<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>'))\n"
        "handle = display('first', display_id=True); handle.update('second')\n"
        "print('1%\\r2%\\r3%')"
    )
    (image,) = [each for each in result.content if isinstance(each, mcp_types.ImageContent)]
    assert image.mime_type == "image/png"
    text = text_of(result)
    assert "content 2 of this result" in text
    assert "a | b\n1 | 2\n'second'\n3%" in text
    assert "gone" not in text


def test_a_long_cell_is_answered_in_time_and_goes_on(
    server: Talk, run: Callable[..., Any], session: str
) -> None:
    result = run(NUMBERS, timeout=1)
    execution = result.structured_content["execution_id"]
    assert not result.is_error
    assert result.structured_content["status"] == "running"
    assert "number 1" in text_of(result)
    assert "get_output" in text_of(result)

    waiting = run("'behind it'", background=True).structured_content
    assert waiting["status"] == "queued"
    where = {"session_id": session}
    looked = server.value("get_output", **where, execution_id=execution, wait=False)
    assert looked["status"] == "running"

    assert server.value("interrupt", **where, execution_id=waiting["execution_id"])["interrupted"]
    assert server.value("interrupt", **where)["interrupted"]
    ended = server.call("get_output", **where, execution_id=execution)
    assert ended.is_error
    assert ended.structured_content is not None
    assert ended.structured_content["status"] == "error"
    assert "KeyboardInterrupt" in text_of(ended)
    never = server.error("get_output", **where, execution_id=waiting["execution_id"])
    assert "before it began" in never
    assert not server.value("interrupt", **where)["interrupted"]
    assert "read_notebook" in server.error("get_output", **where, execution_id="unknown")


def test_progress_tells_what_is_put_out_and_a_cancelled_call_interrupts_nothing(
    server: Talk, run: Callable[..., Any], session: str, wait_until: WaitUntil
) -> None:
    told: list[tuple[float, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message or ""))

    async def call() -> None:
        arguments = {"session_id": session, "code": NUMBERS}
        await server.client.call_tool("execute_code", arguments, progress_handler=hear)

    calling = server.portal.start_task_soon(call)
    wait_until(lambda: len(told) >= 3)
    calling.cancel()
    assert "number" in told[-1][1]
    assert [each for each, _ in told] == sorted({each for each, _ in told})

    listed = server.value("list_sessions")["sessions"]
    (known,) = [each for each in listed if each["session_id"] == session]
    assert (known["kernel"], known["attached"], known["started_here"]) == ("busy", True, True)
    # Not interrupted: it runs on, and puts out more.
    execution = known["running"]
    where = {"session_id": session, "execution_id": execution}
    before = server.value("get_output", **where, wait=False)["outputs"][0]["characters"]
    more = server.value("get_output", **where, timeout=1)
    assert more["status"] == "running"
    assert more["outputs"][0]["characters"] > before
    server.value("interrupt", **where)
    assert server.call("get_output", **where).is_error


def test_long_output_is_there_in_full_by_ranges(
    server: Talk, run: Callable[..., Any], session: str
) -> None:
    result = run("print(''.join(f'{i:07}' for i in range(20_000)), end='')")
    structured = result.structured_content
    assert structured["truncated"]
    assert len(text_of(result)) < 10_000
    assert f'get_output(session_id, "{structured["execution_id"]}", output=0)' in text_of(result)

    where = {"session_id": session, "execution_id": structured["execution_id"], "output": 0}
    parts = [
        server.value("get_output", **where, first=first, characters=20_000)
        for first in range(0, 140_000, 20_000)
    ]
    assert "".join(each["text"] for each in parts) == "".join(f"{i:07}" for i in range(20_000))
    assert parts[0]["characters_in_all"] == 140_000
    beyond = server.error("get_output", **{**where, "output": 3})
    assert "no output 3: there are 1" in beyond
    assert "counted from 0" in beyond
    unheard = server.error("get_output", session_id=session, execution_id="unheard-of")
    assert "as execute_code gave it" in unheard


def test_a_dead_kernel_is_told_and_restarted(
    server: Talk, run: Callable[..., Any], session: str
) -> None:
    # What a process has not sent yet when it is killed dies with it.
    code = "import os, time; print('last words'); time.sleep(1); os.kill(os.getpid(), 9)"
    result = run(code)
    assert result.is_error
    assert result.structured_content["status"] == "dead"
    text = text_of(result)
    assert "last words" in text
    assert "SIGKILL" in text
    assert "restart" in text
    assert run("1").structured_content["status"] == "dead"

    assert server.value("restart", session_id=session)["status"] == "ready"
    assert "NameError" in text_of(run("kept"))
    assert run("1 + 1").structured_content["execution_count"] == 2


def test_cells_are_edited_read_and_written_around(server: Talk, session: str) -> None:
    where = {"session_id": session}
    cell = server.value("execute_code", **where, code="print('wrogn')")["cell_id"]
    server.value("add_markdown", **where, content="## After", after=cell)
    text_cell = server.value("add_markdown", **where, content="## End")["cell_id"]

    edited = server.call("edit_cell", **where, cell_id=cell, code="print('right')")
    assert text_of(edited).endswith("right")
    assert edited.structured_content is not None
    assert edited.structured_content["cell_id"] == cell
    changed = server.value("edit_cell", **where, cell_id=text_cell, code="## The end")
    assert changed["kind"] == "markdown"
    server.value("edit_cell", **where, cell_id=cell, code="print('never run')", run=False)
    assert "no cell 'x'" in server.error("edit_cell", **where, cell_id="x", code="1")
    nowhere = server.error("add_markdown", **where, content="a", after="x")
    assert "no such cell" in nowhere
    assert "What to do: read the notebook" in nowhere

    read = server.call("read_notebook", **where, first_cell=cell)
    assert read.structured_content is not None
    assert text_of(read).split("\n\n", 1)[1] == (
        f"## Cell {cell} (code) [{edited.structured_content['execution_count']}]\n"
        "print('never run')\n-> stdout: right\n\n"
        f"## Cell {read.structured_content['cells'][1]['cell_id']} (markdown)\n## After\n\n"
        f"## Cell {text_cell} (markdown)\n## The end"
    )
    one = server.call("read_notebook", **where, first_cell=cell, last_cell=cell)
    assert "print('never run')\n-> Outputs:\nright" in text_of(one)


def test_a_long_notebook_is_read_part_by_part(server: Talk, session: str) -> None:
    where = {"session_id": session}
    for number in range(8):
        server.value("add_markdown", **where, content=f"part {number} " + "x" * 3_900)
    seen: list[str] = []
    begin: str | None = ""
    while begin is not None:
        part = server.value("read_notebook", **where, first_cell=begin)
        seen += [each["cell_id"] for each in part["cells"]]
        begin = part["next_cell"]
    assert len(seen) == len(set(seen)) == part["cells_in_all"]


def test_a_copy_of_the_notebook_is_kept(server: Talk, session: str, wait_until: WaitUntil) -> None:
    (known,) = [
        each for each in server.value("list_sessions")["sessions"] if each["session_id"] == session
    ]
    file = Path(known["notebook_file"])
    server.value("execute_code", session_id=session, code="'the newest'")
    wait_until(lambda: "the newest" in file.read_text())


def test_every_start_is_another_session_and_ends_for_good(
    server: Talk, session: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    before = {each.id for each in running_sandboxes()}
    server.value("execute_code", session_id=session, code="mark = 'first'")
    other = server.value("start_new_session")["session_id"]
    assert other != session
    asked = server.call("execute_code", session_id=other, code="number = 1; 'mark' in globals()")
    assert text_of(asked).endswith("False")
    server.value("execute_code", session_id=other, code="number += 1; number")
    (started,) = {each.id for each in running_sandboxes()} - before

    fork = server.value("fork_session", session_id=other, name="copy")["session_id"]
    assert "NameError" in server.error("execute_code", session_id=fork, code="number")
    assert "is there already" in server.error("fork_session", session_id=other, name="copy")
    assert "cannot be the name" in server.error("fork_session", session_id=other, name="../copy")
    assert len(server.value("read_notebook", session_id=fork)["cells"]) == 3

    # The kernel of one of two ends, then their sandbox with the other.
    ended = server.call("shutdown_session", session_id=other)
    assert "the sandbox" not in text_of(ended)
    assert "resume_session" in server.error("execute_code", session_id=other, code="1")
    again = server.value("resume_session", session_id=other, run_cells=True)
    assert (again["cells_run"], again["cells_to_run"]) == (2, 2)
    assert again["session_id"] == other
    assert text_of(server.call("execute_code", session_id=other, code="number")).endswith("2")
    assert "runs" in server.error("resume_session", session_id=other)
    server.value("shutdown_session", session_id=fork)
    last = server.value("shutdown_session", session_id=other)
    assert started not in {each.id for each in running_sandboxes()}

    resumed = server.value("resume_session", notebook=last["notebook_file"])
    assert resumed["notebook_file"] == last["notebook_file"]
    assert len(server.value("read_notebook", session_id=resumed["session_id"])["cells"]) == 3
    server.value("shutdown_session", session_id=resumed["session_id"])
    assert "no notebook" in server.error("resume_session", notebook="/nowhere/x.ipynb")
    assert "either" in server.error("resume_session")
    # Who asked was told.
    assert "Failed" not in text_of(server.call("list_sessions"))


def test_calls_at_once_wait_for_none_of_the_others(server: Talk, session: str) -> None:
    slow = threading.Thread(
        target=server.call,
        args=("execute_code",),
        kwargs={"session_id": session, "code": "import time; time.sleep(3); print('slow')"},
    )
    slow.start()
    begun = time.monotonic()
    server.value("list_sessions")
    server.value("read_notebook", session_id=session)
    server.value("execute_code", session_id=session, code="1", background=True)
    assert slow.is_alive() or time.monotonic() - begun > 3
    slow.join()


def test_the_end_of_the_server_is_that_of_what_it_started(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    with talk(over_stdio(tmp_path)) as client:
        kept = client.value("start_new_session", name="ends")
        client.value("execute_code", session_id=kept["session_id"], code="'kept'")
        (record,) = running_sandboxes()
        assert not record.is_detached
    wait_until(lambda: not running_sandboxes())
    assert "'kept'" in Path(kept["notebook_file"]).read_text()
    assert os.listdir(tmp_path) == [kept["session_id"]]
