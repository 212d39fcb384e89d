"""Servers in sandboxes that do not answer as notebook servers do, by accident or on purpose."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.errors import NotebookAccessError, NotebookMissingError
from seer_rpc.execution import NotebookClient, jupyter
from seer_rpc.execution.jupyter import Jupyter
from seer_rpc.execution.mirror import Mirror
from seer_rpc.mcp.notebook.sessions import Sessions

INFO: dict[str, Any] = {
    "id": "s1",
    "path": "n.ipynb",
    "kernel": "idle",
    "problem": "",
    "models": None,
    "preparation": [],
    "running": None,
    "queued": [],
}
CELL = {"id": "c1", "cell_type": "code", "source": "1", "outputs": [], "execution_count": 1}
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000

Answer = Callable[[str], bytes]


def whole(value: Any) -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Answer each connection's one request with these bytes; gives the URL of a session."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    path = connection.recv(1 << 16).split()[1].decode()
                    connection.sendall(answer(path))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/lab/tree/n.ipynb?token={'t' * 16}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.parametrize(
    "info",
    [
        *([], None, "text", DEEP, b"<html>", {}, {**INFO, "path": None, "queued": 5}),
        {**INFO, "preparation": None},
    ],
    ids=lambda each: repr(each)[:20],
)
def test_what_is_no_session_is_told_as_such(info: Any) -> None:
    with (
        serving(lambda _: whole(info)) as url,
        pytest.raises(NotebookAccessError, match="nobody understands"),
    ):
        NotebookClient("s1", url)


@pytest.mark.parametrize(
    "changes",
    [
        *(5, [{}], [{"index": 7, "append": "a"}], [{"index": 0, "output": 5}], DEEP),
        [{"index": 0, "output": {"text": 5}}, {"index": 0, "append": "a"}],
    ],
    ids=lambda each: repr(each)[:20],
)
def test_outputs_that_are_none_are_told_as_such(changes: Any) -> None:
    known = {"status": "ok", "seconds": 1, "outputs": {"version": 1, "is_new": 0, "changes": []}}
    body = json.dumps(known).encode()
    said = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    answers = {"/seer/sessions/s1": whole(INFO)}
    with serving(lambda path: answers.get(path, whole(body.replace(b"[]", said)))) as url:
        client = NotebookClient("s1", url)
        with pytest.raises(NotebookAccessError, match="nobody understands"):
            client.execution("e1").wait(on_text=print)


@pytest.mark.parametrize(
    "notebook", [None, {}, {"cells": [5]}, {"cells": [{**CELL, "source": 5}]}, {"cells": {"a": 1}}]
)
def test_notebooks_that_are_none_are_told_as_such(notebook: Any) -> None:
    answers = {"/seer/sessions/s1": whole(INFO)}
    with serving(lambda path: answers.get(path, whole({"notebook": notebook}))) as url:
        client = NotebookClient("s1", url)
        with pytest.raises(NotebookAccessError, match="nobody understands"):
            client.notebook()


def test_a_copy_of_what_is_none_is_behind_and_says_so(tmp_path: Path) -> None:
    news: list[Any] = [{"notebook": {"cells": []}, "revision": 1}]
    mirror = Mirror(tmp_path / "n.ipynb", lambda *_: news[-1])
    try:
        for odd in ({}, {"notebook": 1, "revision": "x"}, {"notebook": deep(), "revision": 2}):
            news.append(odd)
            mirror.update()
            assert "nobody understands" in mirror.problem
        assert json.loads((tmp_path / "n.ipynb").read_text()) == {"cells": []}
    finally:
        mirror.end()


def deep() -> Any:
    value: Any = 1
    for _ in range(5_000):
        value = [value]
    return value


def test_an_answer_without_an_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter, "_LARGEST", 1 << 20)
    endless = whole(b"x" * (4 << 20))
    with (
        serving(lambda _: endless) as url,
        pytest.raises(NotebookAccessError, match="no end"),
    ):
        NotebookClient("s1", url)


def test_an_answer_that_is_cut_is_asked_for_again() -> None:
    answers = [whole(INFO), whole(INFO)[:-10]]
    with serving(lambda _: answers.pop()) as url:
        assert Jupyter(url).ask("GET", "/s1")["path"] == "n.ipynb"


@pytest.mark.parametrize("session_id", ["../../elsewhere", "/tmp", "..", "a/b", ""])
def test_no_id_of_a_session_leads_out_of_the_folder_of_copies(
    tmp_path: Path, session_id: str
) -> None:
    sessions = Sessions(tmp_path / "copies" / "here")
    notebook = {"notebook": {"cells": []}, "revision": 1}
    with serving(lambda _: whole({**INFO, **notebook})) as url:
        for reach in (sessions.attach, sessions.resume):
            with pytest.raises(NotebookMissingError, match="no session is called"):
                reach(session_id, url)
    sessions.close()
    assert list(tmp_path.iterdir()) == []
