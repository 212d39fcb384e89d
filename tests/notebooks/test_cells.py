"""Cells of a notebook session: what they give, what the notebook has of them, who runs them."""

from __future__ import annotations

import contextlib
import json
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.errors import (
    CellError,
    CellRunningError,
    ConfigError,
    KernelDiedError,
    NotebookAccessError,
    NotebookError,
    NotebookMissingError,
)
from seer_rpc.execution import NotebookClient, NotebookSession, attach_notebook_session


def on_disk(session: NotebookSession) -> Any:
    """Give the notebook in the sandbox, which nbformat must find valid."""
    import nbformat

    text = session.sandbox.read_file(session.notebook_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(nbformat.reads(text, as_version=4))
    return json.loads(text)


def cells(session: NotebookSession) -> list[str]:
    return [cell["source"] for cell in on_disk(session)["cells"]]


def test_a_cell_gives_what_it_printed_and_its_value(session: NotebookSession) -> None:
    texts: list[str] = []
    result = session.exec("print('hello')\n6 * 7", on_text=texts.append)

    assert (result.status, result.text) == ("ok", "hello\n42\n")
    assert str(result) == "hello\n42\n"
    assert "".join(texts) == "hello\n42\n"
    last = on_disk(session)["cells"][-1]
    assert last["source"] == "print('hello')\n6 * 7"
    assert last["execution_count"] == result.execution_count
    assert last["id"] == result.cell_id
    assert [each["output_type"] for each in last["outputs"]] == ["stream", "execute_result"]


def test_state_persists_from_cell_to_cell(session: NotebookSession) -> None:
    session.exec("kept = [1]")
    session.exec("kept.append(2)")

    assert session.exec("kept").text == "[1, 2]\n"


def test_hidden_code_runs_and_leaves_no_trace(session: NotebookSession) -> None:
    before = session.exec("'visible'")
    sources = cells(session)

    hidden = session.exec("secret_place = 5\nsecret_place + 1", hidden=True)
    assert (hidden.text, hidden.execution_count, hidden.cell_id) == ("6\n", None, "")
    assert cells(session) == sources
    after = session.exec("_, max(Out), secret_place")
    assert before.execution_count is not None
    assert after.execution_count == before.execution_count + 1
    assert after.text == f"('visible', {before.execution_count}, 5)\n"
    assert session.exec("sum('secret_place + 1' in each for each in In)").text == "1\n"
    assert session.exec("%history -l 20").text.count("secret_place + 1") == 1


def test_an_error_is_an_error_and_is_in_the_notebook(session: NotebookSession) -> None:
    with pytest.raises(CellError, match="ZeroDivisionError: division by zero") as caught:
        session.exec("print('before')\n1 / 0")

    assert caught.value.exception == "ZeroDivisionError"
    assert "\x1b" not in caught.value.remote_traceback
    assert "1 / 0" in caught.value.remote_traceback
    assert caught.value.result.text.startswith("before\n")
    kinds = [each["output_type"] for each in on_disk(session)["cells"][-1]["outputs"]]
    assert kinds == ["stream", "error"]
    assert session.exec("'goes on'").ok


def test_a_file_is_run_as_one_cell(session: NotebookSession, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("def double(x):\n    return 2 * x\n\nprint(double(21))\n")

    assert session.exec_file(file).text == "42\n"
    assert cells(session)[-1] == file.read_text()
    with pytest.raises(ConfigError, match="cannot read"):
        session.exec_file(tmp_path / "missing.py")


def test_markdown_is_added_and_cells_are_edited_and_removed(session: NotebookSession) -> None:
    first = session.add_markdown("## Hypothesis 1")
    second = session.add_markdown("between", after=first)
    session.add_markdown("last")
    assert cells(session)[-3:] == ["## Hypothesis 1", "between", "last"]
    assert on_disk(session)["cells"][-1]["cell_type"] == "markdown"

    session.edit_cell(first, "## Hypothesis 2")
    session.remove_cell(second)
    assert cells(session)[-2:] == ["## Hypothesis 2", "last"]
    with pytest.raises(NotebookMissingError, match="cell"):
        session.edit_cell(second, "gone")
    with pytest.raises(NotebookMissingError, match="cell"):
        session.start("1", cell_id=second)
    with pytest.raises(NotebookMissingError, match="cell"):
        session.add_markdown("behind what is gone", after=second)


def test_a_cell_is_run_again_in_its_place(session: NotebookSession) -> None:
    cell_id = session.exec("'first'").cell_id
    session.add_markdown("behind it")

    session.start("'second'", cell_id=cell_id).check()

    *_, cell, behind = on_disk(session)["cells"]
    assert (cell["id"], cell["source"], behind["source"]) == (cell_id, "'second'", "behind it")
    assert cell["outputs"][0]["data"] == {"text/plain": "'second'"}


def test_what_is_sent_twice_is_there_once(session: NotebookSession) -> None:
    given = {"id": "sent-twice", "source": "## Once"}
    code = {"id": "run-twice", "code": "runs = globals().get('runs', 0) + 1"}
    for _ in range(2):
        session._ask("POST", "/cells", given)
        session._ask("POST", "/executions", code)
    session.execution("run-twice").check(60)

    assert cells(session).count("## Once") == 1
    assert session.exec("runs").text == "1\n"


def test_a_cell_with_text_that_is_run_is_one_with_code(session: NotebookSession) -> None:
    cell_id = session.add_markdown("1 + 1")
    session.start("1 + 1", cell_id=cell_id).check(60)

    cell = on_disk(session)["cells"][-1]
    assert (cell["id"], cell["cell_type"]) == (cell_id, "code")
    assert cell["outputs"][0]["data"] == {"text/plain": "2"}


def test_the_copy_on_this_machine_is_the_notebook(session: NotebookSession) -> None:
    session.exec("'copied'")

    assert session.notebook_file is not None
    assert json.loads(session.notebook_file.read_text()) == on_disk(session)
    assert list(session.notebook_file.parent.iterdir()) == [session.notebook_file]


def test_input_is_an_error_at_once(session: NotebookSession) -> None:
    with pytest.raises(CellError, match="StdinNotImplementedError"):
        session.exec("input('name? ')", timeout=60)


def test_what_takes_too_long_runs_on_and_its_output_is_had_later(session: NotebookSession) -> None:
    gate = (
        "/tmp/gate"
        if session.sandbox.isolation.paths
        else session.exec("import tempfile; tempfile.mktemp()", hidden=True).text.strip().strip("'")
    )
    code = (
        "import os, time\nprint('begun', flush=True)\n"
        f"while not os.path.exists({gate!r}): time.sleep(0.02)\nprint('ended')"
    )
    execution = session.start(code)
    while "begun" not in execution.refresh(1.0).text:
        assert not execution.is_over
    with pytest.raises(CellRunningError, match="runs on") as caught:
        execution.check(0.1)
    assert caught.value.execution is execution
    assert session.info()["running"] == execution.id

    with NotebookAs(session) as other:
        found = other.execution(execution.id)
        assert found.refresh().text == "begun\n"
        session.sandbox.exec(["touch", gate])
        assert found.check(60).text == "begun\nended\n"
    assert execution.check(60).text == "begun\nended\n"


def test_what_runs_is_interrupted_and_the_kernel_goes_on(session: NotebookSession) -> None:
    session.exec("still_here = True")
    execution = session.start("print('waiting', flush=True)\nimport time\ntime.sleep(600)")
    behind = session.start("'did not run'")
    while "waiting" not in execution.refresh(1.0).text:
        assert not execution.is_over
    assert session.interrupt(behind.id)
    assert session.interrupt()

    with pytest.raises(CellError, match="KeyboardInterrupt"):
        execution.check(60)
    with pytest.raises(CellError, match="before it began"):
        behind.check(60)
    assert session.exec("still_here").text == "True\n"
    assert not session.interrupt()


def test_what_has_only_just_been_sent_is_interrupted(session: NotebookSession) -> None:
    for _ in range(5):
        execution = session.start("import time\ntime.sleep(600)")
        assert session.interrupt(execution.id)
        with pytest.raises(CellError, match="KeyboardInterrupt"):
            execution.check(60)


def test_two_clients_at_once_get_each_their_own_output(session: NotebookSession) -> None:
    count = 12
    with NotebookAs(session) as first, NotebookAs(session) as second:

        def run(number: int) -> str:
            client = (first, second)[number % 2]
            code = f"import time\nfor i in range(3):\n    print({number}, i); time.sleep(0.01)"
            return client.exec(code).text

        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(run, range(count)))
    assert texts == ["".join(f"{number} {i}\n" for i in range(3)) for number in range(count)]
    found = on_disk(session)["cells"][-count:]
    for cell in found:
        number = cell["source"].partition("print(")[2].partition(",")[0]
        assert cell["outputs"][0]["text"].startswith(f"{number} 0\n")
    assert len({cell["source"] for cell in found}) == count


def test_displays_are_updated_and_cleared(session: NotebookSession) -> None:
    result = session.exec(
        "from IPython.display import display, clear_output\n"
        "handle = display('one', display_id=True)\nhandle.update('two')\n"
    )
    assert [each["data"]["text/plain"] for each in result.outputs] == ["'two'"]
    result = session.exec(
        "for i in range(5):\n    clear_output(wait=True)\n    print(i)\n", timeout=60
    )
    assert result.text == "4\n"


def test_the_notebook_is_valid_while_it_is_written(session: NotebookSession) -> None:
    ended = threading.Event()
    problems: list[Exception] = []

    def look() -> None:
        while not ended.is_set():
            try:
                on_disk(session)
            except Exception as error:
                problems.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    session.exec("import time\nfor i in range(100):\n    print('x' * 5000)\n    time.sleep(0.01)")
    ended.set()
    thread.join()
    assert not problems


def test_someone_else_needs_the_url_whole_and_the_right_id(session: NotebookSession) -> None:
    url, token = session.jupyter_url.split("?token=")
    with pytest.raises(NotebookAccessError, match="does not let in"):
        attach_notebook_session(session.session_id, f"{url}?token=wrong")
    with pytest.raises(NotebookAccessError, match="no URL of a notebook"):
        attach_notebook_session(session.session_id, url)
    with pytest.raises(NotebookMissingError, match="no session of that id") as caught:
        attach_notebook_session("0" * 16, session.jupyter_url)
    with pytest.raises(NotebookError):
        attach_notebook_session("\u00e9 ?", session.jupyter_url)
    assert "belong together" in caught.value.hint
    with pytest.raises(NotebookAccessError, match="not to be reached"):
        attach_notebook_session(session.session_id, "http://127.0.0.1:9/lab?token=x")
    assert token not in repr(session) + repr(caught.value) + str(caught.value)


def test_the_sandbox_knows_no_token(session: NotebookSession) -> None:
    _, token = session.jupyter_url.split("?token=")
    assert session.sandbox.jupyter_url is not None
    owners = session.sandbox.jupyter_url.split("?token=")[1]
    assert owners != token
    places = "$HOME $PWD /proc/[0-9]*/cmdline /proc/[0-9]*/environ"
    look = f"grep -raF -e {token[:12]} -e {owners[:12]} {places} 2>/dev/null | grep -av grep; true"
    found = session.sandbox.run(look).stdout
    if session.sandbox.isolation.files:
        assert not found


def test_code_that_cannot_be_sent_is_an_error_and_holds_nothing_up(
    session: NotebookSession,
) -> None:
    with pytest.raises(CellError, match="UnicodeEncodeError"):
        session.exec("'\ud800'", timeout=60)
    assert session.exec("'goes on'", timeout=60).ok


# What ends the kernel comes last.


def test_a_dead_kernel_is_said_to_be_dead_and_restarts(session: NotebookSession) -> None:
    pid = session.exec("import os; gone = 1; os.getpid()").text.strip()
    execution = session.start("print('alive', flush=True)\nimport time\ntime.sleep(600)")
    waiting = session.start("'waits'")
    while "alive" not in execution.refresh(1.0).text:
        assert not execution.is_over
    session.sandbox.exec(["kill", "-KILL", pid])

    with pytest.raises(KernelDiedError, match="SIGKILL") as caught:
        execution.check(60)
    assert caught.value.result.text.startswith("alive\n")
    assert "restart" in caught.value.hint
    with pytest.raises(KernelDiedError):
        waiting.check(60)
    with pytest.raises(KernelDiedError, match="is dead"):
        session.exec("1")
    assert session.info()["kernel"] == "dead"
    assert "alive\n" in json.dumps(on_disk(session)).replace("\\n", "\n")

    session.restart()
    with pytest.raises(CellError, match="NameError"):
        session.exec("gone")


def test_a_restart_ends_what_runs(session: NotebookSession) -> None:
    execution = session.start("print('runs', flush=True)\nimport time\ntime.sleep(600)")
    while "runs" not in execution.refresh(1.0).text:
        assert not execution.is_over
    session.restart()

    with pytest.raises(KernelDiedError, match="restarted"):
        execution.check(60)
    assert session.exec("1").execution_count == 1


def test_restarts_at_once_are_done_one_after_the_other(session: NotebookSession) -> None:
    with ThreadPoolExecutor(3) as pool:
        restarts = [pool.submit(session.restart) for _ in range(3)]
    for each in restarts:
        with contextlib.suppress(KernelDiedError):
            each.result()
    assert session.exec("print('once')", timeout=60).text == "once\n"


def test_a_kernel_that_does_not_start_again_is_told_and_can_be_restarted(
    session: NotebookSession,
) -> None:
    session.exec("import os; open('zmq.py', 'w').write('1 / 0'); place = os.path.abspath('zmq.py')")
    place = session.exec("print(place)", hidden=True).text.strip()
    with pytest.raises(NotebookError, match="does not start"):
        session.restart()
    for _ in range(2):
        with pytest.raises(KernelDiedError, match="is dead"):
            session.exec("1", timeout=60)

    session.sandbox.exec(["rm", place])
    session.restart()
    assert session.exec("1", timeout=60).ok


class NotebookAs:
    """Another client of a session, until the end of a block."""

    def __init__(self, session: NotebookSession) -> None:
        self._client = attach_notebook_session(session.session_id, session.jupyter_url)

    def __enter__(self) -> NotebookClient:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.detach()
