"""What goes wrong around a notebook session, and what is left of it: a kernel, or all, killed."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from seer_rpc.environment import Sandbox, background
from seer_rpc.errors import CommandTimeoutError, KernelDiedError, NotebookAccessError
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_rpc.execution.jupyter import Jupyter
from seer_rpc.workspace import Workspace

WaitUntil = Callable[..., None]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookSession]:
    """A session on this machine that is there for all tests, the server's end included."""
    with Sandbox() as sandbox:
        copies = tmp_path_factory.mktemp("copies")
        workspace = Workspace(custom_init_code="begun = 1")
        session = create_notebook_session(
            sandbox, workspace, "hard", notebook_dir=copies, keep=False
        )
        yield session
        session.detach()


def asked_twice(session: NotebookSession, method: str, path: str, body: Any = None) -> list[Any]:
    """Ask a server for something, and once more as a client does whose connection was cut."""
    url = f"{session._jupyter.address.shown}/seer/sessions/{session.session_id}{path}"
    headers = {
        "Authorization": f"token {session._jupyter.address.token}",
        "X-Seer-Request": secrets.token_hex(8),
    }
    content = None if body is None else json.dumps(body).encode()
    answers = []
    for _ in range(2):
        request = urllib.request.Request(url, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            answers.append(json.load(response))
    return answers


def contents(session: NotebookSession, method: str, path: str, body: Any) -> Any:
    """Ask Jupyter's own API for what JupyterLab's file browser asks it for."""
    address = session._jupyter.address
    headers = {"Authorization": f"token {address.token}"}
    url = f"{address.shown}/api/contents/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def run_until(session: NotebookSession, text: str) -> Any:
    """Have a cell run that says `text` and then goes on for ever."""
    execution = session.start(f"print({text!r}, flush=True)\nimport time\ntime.sleep(600)")
    while text not in execution.refresh(1.0).text:
        assert not execution.is_over
    return execution


def test_an_interrupt_that_is_sent_twice_ends_one_cell(session: NotebookSession) -> None:
    first = run_until(session, "first")
    second = session.start("import time\ntime.sleep(0.5)\n'second'")

    assert asked_twice(session, "POST", "/interrupt", {}) == [{"interrupted": True}] * 2
    assert first.wait(60).status == "error"
    assert second.check(60).text == "'second'\n"


def test_a_restart_that_is_sent_twice_is_one(session: NotebookSession) -> None:
    one, two = asked_twice(session, "POST", "/restart", {})
    assert one == two
    assert session.exec("begun").text == "1\n"


def test_an_end_that_is_sent_twice_is_one_and_its_token_is_good_no_more(
    session: NotebookSession, wait_until: WaitUntil
) -> None:
    short = create_notebook_session(session.sandbox, keep=False)
    address = short._jupyter.address
    page = f"{address.shown}/api/contents?{urlencode({'token': address.token})}"
    with urllib.request.urlopen(page, timeout=60) as response:
        cookie = response.headers["Set-Cookie"].split(";")[0]

    def is_let_in(url: str, **headers: str) -> bool:
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)
        except urllib.error.HTTPError:
            return False
        return True

    without = page.partition("?")[0]
    assert is_let_in(without, Cookie=cookie)
    assert asked_twice(short, "DELETE", "") == [{}, {}]
    wait_until(lambda: not is_let_in(page))
    assert not is_let_in(without, Cookie=cookie)
    short.detach()
    assert session.exec("'goes on'").ok


def test_a_request_whose_connection_is_cut_is_made_again(session: NotebookSession) -> None:
    jupyter = Jupyter(session.jupyter_url)
    new = jupyter._new
    cut: list[bytes] = []

    def cut_once() -> Any:
        connection = new()
        if not cut:
            answer = connection.getresponse

            def lose() -> Any:
                cut.append(answer().read())
                raise ConnectionResetError("cut")

            connection.getresponse = lose  # type: ignore[method-assign]
        return connection

    jupyter._new = cut_once  # type: ignore[method-assign]
    given = {"id": secrets.token_hex(4), "code": "asked = globals().get('asked', 0) + 1"}
    jupyter.ask("POST", f"/{session.session_id}/executions", given)
    jupyter.close()
    assert len(cut) == 1
    assert session.exec("asked").text == "1\n"


def test_a_folder_that_is_renamed_takes_the_notebook_along(session: NotebookSession) -> None:
    session.sandbox.exec(["mkdir", "first"])
    contents(session, "PATCH", "hard.ipynb", {"path": "first/hard.ipynb"})
    contents(session, "PATCH", "first", {"path": "second"})

    session.exec("'after the move'")
    assert session.notebook_path == "/workspace/second/hard.ipynb"
    assert "after the move" in session.sandbox.read_file(session.notebook_path)
    assert session.sandbox.exec("ls -A second; ls -d first || true") == "hard.ipynb\n"
    contents(session, "PATCH", "second/hard.ipynb", {"path": "hard.ipynb"})


def test_a_copy_that_cannot_be_written_is_told_once_and_so_is_that_it_can(
    session: NotebookSession, capsys: pytest.CaptureFixture[str], wait_until: WaitUntil
) -> None:
    file = session.notebook_file
    assert file is not None
    kept = file.parent.rename(file.parent.with_name("away"))
    for _ in range(2):
        session.exec("'not copied'")
    assert "No such file" in session.copy_problem
    assert capsys.readouterr().err.count(f"copy {file} is behind: ") == 1

    kept.rename(file.parent)
    wait_until(lambda: not session.copy_problem)
    assert json.loads(file.read_text()) == session.notebook()
    assert "is up to date again" in capsys.readouterr().err


def test_what_does_not_say_that_it_is_ready_leaves_no_process(
    session: NotebookSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_TIMEOUT", 0.5)
    with pytest.raises(CommandTimeoutError):
        background.start_in_background(session.sandbox, "never", ["sleep", "4711"], {}, "^ready")

    assert "4711" not in session.sandbox.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


@pytest.mark.parametrize("what", ["kernel", "server"])
def test_a_session_whose_kernel_or_server_is_killed_is_gone_on_with(
    session: NotebookSession, what: str, wait_until: WaitUntil
) -> None:
    url, pids = session.jupyter_url, session.exec("import os\nprint(os.getpid(), os.getppid())")
    kernel, server = pids.text.split()
    text, file = f"before the {what} died", "/workspace/hard.ipynb"
    execution = run_until(session, text)
    wait_until(lambda: f'"{text}\\n"' in session.sandbox.read_file(file))
    session.sandbox.exec(["kill", "-KILL", kernel if what == "kernel" else server])

    with pytest.raises((KernelDiedError, NotebookAccessError)):
        execution.check(30)
    # The busy kernel does not outlive its server.
    wait_until(lambda: not session.sandbox.run(["test", "-d", f"/proc/{kernel}"]).ok)
    assert f'"{text}\\n"' in session.sandbox.read_file(file)

    session.resume(60)
    session.resume(60)
    assert session.exec("begun").text == "1\n"
    assert session.jupyter_url.split("/lab")[0] == url.split("/lab")[0]
    kept = [each for each in session.notebook()["cells"] if text in str(each["outputs"])]
    assert len(kept) == 1
    assert session.notebook_file is not None
    assert json.loads(session.notebook_file.read_text()) == session.notebook()
