"""Output without end: the notebook keeps its begin and its end, files beside it the whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from seer_rpc.environment import Sandbox
from seer_rpc.errors import CellError
from seer_rpc.execution import NotebookSession, create_notebook_session

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def session() -> Iterator[NotebookSession]:
    """A session on this machine."""
    with Sandbox() as sandbox:
        session = create_notebook_session(sandbox, keep=False)
        yield session
        session.detach()


def server_memory(session: NotebookSession) -> int:
    """Give the bytes that the server has for itself."""
    look = "import os; print(open(f'/proc/{os.getppid()}/status').read())"
    status = session.exec(look, hidden=True).text
    return sum(int(size) << 10 for size in re.findall(r"RssAnon:\s+(\d+)", status))


def test_a_hundred_megabytes_are_in_a_file_and_neither_in_memory_nor_in_the_notebook(
    session: NotebookSession,
) -> None:
    session.exec("'begun'")
    before = server_memory(session)
    heard = 0

    def hear(text: str) -> None:
        nonlocal heard
        heard += len(text)

    code = "print('first')\nfor _ in range(100): print('x' * 1_000_000)\nprint('last')"
    result = session.exec(code, on_text=hear, timeout=280)

    assert result.text.startswith("first\nxxx")
    assert result.text.endswith("xxx\nlast\n")
    assert len(result.text) < MEGABYTE
    found = re.search(r"all of it: (\S+) \.\.\.\]", result.text)
    assert found is not None
    size = int(session.sandbox.exec(["stat", "-c", "%s", found[1]]))
    assert size == 100 * (MEGABYTE + 1) + len("first\nlast\n")
    assert heard >= MEGABYTE // 4
    assert len(json.dumps(session.notebook())) < 2 * MEGABYTE
    assert server_memory(session) < before + 150 * MEGABYTE
    assert session.exec("'goes on'").ok


def test_who_listens_all_the_while_keeps_what_the_notebook_keeps(session: NotebookSession) -> None:
    heard: list[str] = []
    code = (
        "import time\nfor _ in range(8):\n    print('x' * 300_000, flush=True)\n    time.sleep(0.4)"
    )
    result = session.exec(code, on_text=heard.append, timeout=280)

    assert result.text == session.notebook()["cells"][-1]["outputs"][0]["text"]
    assert len(result.text) < MEGABYTE
    assert sum(map(len, heard)) >= MEGABYTE


def test_an_error_with_a_long_message_is_told_within_bounds(session: NotebookSession) -> None:
    with pytest.raises(CellError, match="ValueError: xxx") as caught:
        session.exec("raise ValueError('x' * 40_000_000)", timeout=280)

    assert len(str(caught.value)) < MEGABYTE
    (output,) = caught.value.result.outputs
    assert (output["output_type"], output["ename"]) == ("error", "ValueError")
    assert len(json.dumps(output)) < MEGABYTE


def test_a_display_that_becomes_too_large_is_in_a_file_until_it_is_small_again(
    session: NotebookSession,
) -> None:
    code = (
        "from IPython.display import display\n"
        "shown = display('small', display_id=True)\nshown.update('x' * 40_000_000)"
    )
    result = session.exec(code, timeout=280)
    assert "too large for the notebook" in result.text

    session.exec("shown.update('small again')", timeout=280)
    _, first, second = session.notebook()["cells"][-3:]
    assert first["outputs"] == [
        {"output_type": "display_data", "data": {"text/plain": "'small again'"}, "metadata": {}}
    ]
    assert second["outputs"] == []


def test_hundreds_of_images_are_kept_in_bounds(session: NotebookSession) -> None:
    before = server_memory(session)
    code = (
        "import os\nfrom IPython.display import Image, display\n"
        "for number in range(500):\n"
        "    display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + os.urandom(200_000), format='png'))"
    )
    result = session.exec(code, timeout=280)

    kinds = [set(each["data"]) for each in result.outputs if "data" in each]
    assert kinds[0] == {"image/png", "text/plain"}
    assert 100 < len(kinds) < 500
    assert len(json.dumps(session.notebook())) < 40 * MEGABYTE
    assert server_memory(session) < before + 400 * MEGABYTE
    left_out = [each["text"] for each in result.outputs if each["output_type"] == "stream"]
    assert left_out
    assert session.exec("'goes on'").ok
