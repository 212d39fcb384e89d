"""Sessions of set-up scripts that agents attach to: with two values, over stdio and HTTP."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_rpc.execution.jupyter import Address
from seer_rpc.workspace import Library, Workspace
from tests.integration.mcp_talk import Talk, talk, text_of
from tests.notebooks.mcp_servers import over_http, over_stdio
from tests.sandboxes.places import shared_sandbox

HELPERS = 'def shout(text: str) -> str:\n    """Say it aloud."""\n    return text.upper()\n'
PLACES = ("namespace", "modal")


@pytest.fixture(scope="module", params=PLACES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox on this machine, and one on Modal."""
    with shared_sandbox(request, SandboxConfig()) as started:
        yield started


@pytest.fixture(scope="module")
def state(sandbox: Sandbox) -> str:
    """The state folder that knows it."""
    return os.environ["XDG_STATE_HOME"]


@pytest.fixture(autouse=True)
def shared_state(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have tests of that sandbox, and the servers that they start, know it."""
    if "sandbox" in request.fixturenames:
        monkeypatch.setenv("XDG_STATE_HOME", request.getfixturevalue("state"))


@pytest.fixture(scope="module")
def session(sandbox: Sandbox, state: str) -> Iterator[NotebookSession]:
    """A session of a script that ran before."""
    workspace = Workspace(libraries=[Library.from_code(HELPERS, "my_helpers")])
    session = create_notebook_session(sandbox, workspace, "shared", keep=False)
    yield session
    session.detach()


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where servers keep copies of notebooks."""
    return tmp_path_factory.mktemp("copies")


@pytest.fixture(scope="module")
def server(session: NotebookSession, copies: Path) -> Iterator[Talk]:
    """A client and its server."""
    with talk(over_stdio(copies)) as client:
        yield client


def attach(client: Talk, session: NotebookSession) -> dict[str, Any]:
    found = client.value(
        "attach_to_session", session_id=session.session_id, jupyter_url=session.jupyter_url
    )
    assert isinstance(found, dict)
    return found


def test_the_two_values_are_enough(server: Talk, session: NotebookSession, copies: Path) -> None:
    told = attach(server, session)
    assert told["session_id"] == session.session_id
    assert told["notebook_path"] == "/workspace/shared.ipynb"
    assert told["kernel"] == "idle"
    assert Path(told["notebook_file"]).is_relative_to(copies)
    assert attach(server, session)["notebook_file"] == told["notebook_file"]
    assert "my_helpers" in told["libraries"]
    again = server.call("attach_to_session", session_id=session.session_id)
    assert f"Libraries that can be imported there:\n\n{told['libraries']}" in text_of(again)

    where = {"session_id": session.session_id}
    code = "import my_helpers\nmy_helpers.shout('hello')"
    assert text_of(server.call("execute_code", **where, code=code)).endswith("'HELLO'")
    server.value("add_markdown", **where, content="## Seen")
    assert [each["source"] for each in session.notebook()["cells"]][-2:] == [code, "## Seen"]

    assert "runs" in server.error("resume_session", **where)
    assert server.value("restart", **where)["status"] == "ready"


def test_nothing_that_is_told_has_the_secret(server: Talk, session: NotebookSession) -> None:
    token = Address.parse(session.jupyter_url).token
    where = {"session_id": session.session_id}
    attach(server, session)
    results = [
        server.call("attach_to_session", **where, jupyter_url=session.jupyter_url),
        server.call("attach_to_session", session_id="other", jupyter_url=session.jupyter_url),
        server.call("attach_to_session", **where, jupyter_url=[session.jupyter_url]),
        server.call("attach_to_session", **where, jupyter_ur=session.jupyter_url),
        server.call("execute_code", **where, code=f"print('{session.jupyter_url}')"),
        server.call("execute_code", **where, code=f"raise ValueError('{token}')"),
        server.call("read_notebook", **where),
        server.call("list_sessions"),
    ]
    for result in results:
        assert token not in text_of(result)
        assert token not in json.dumps(result.structured_content)
    assert "[secret]" in text_of(results[4])


def test_what_does_not_belong_together_is_told_apart(
    server: Talk, session: NotebookSession
) -> None:
    url = session.jupyter_url
    wrong_id = server.error("attach_to_session", session_id="another", jupyter_url=url)
    assert "no session of that id" in wrong_id
    assert "belong together" in wrong_id
    wrong = re.sub(r"token=.*", "token=guessed-wrongly", url)
    refused = server.error("attach_to_session", session_id="another", jupyter_url=wrong)
    assert "does not let in" in refused
    nowhere = "http://127.0.0.1:9/lab/tree/a.ipynb?token=whatever"
    unreachable = server.error("attach_to_session", session_id="another", jupyter_url=nowhere)
    assert "not to be reached" in unreachable
    assert "may have ended" in unreachable
    alone = server.error("attach_to_session", session_id="another")
    assert "give jupyter_url, too" in alone


def test_a_session_of_this_machine_needs_no_url(server: Talk, session: NotebookSession) -> None:
    listed = server.value("list_sessions")["sessions"]
    assert session.session_id in {each["session_id"] for each in listed}
    told = server.value("attach_to_session", session_id=session.session_id)
    assert told["notebook_path"] == "/workspace/shared.ipynb"


def test_two_agents_share_a_session_and_a_third_has_another(
    server: Talk, session: NotebookSession, sandbox: Sandbox, tmp_path: Path
) -> None:
    other = create_notebook_session(sandbox, keep=False)
    with over_http(tmp_path) as config, talk(config) as two, talk(config) as three:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            url = config["notebook"]["url"]
            assert httpx2.post(url, json={}, headers=headers).status_code == 401
        agents = [(server, session), (two, session), (three, other)]
        for agent, theirs in agents:
            attach(agent, theirs)

        def run(number: int) -> bool:
            agent, theirs = agents[number % 3]
            code = f"import time\nfor i in range(3): print({number}, i); time.sleep(0.01)"
            result = agent.call("execute_code", session_id=theirs.session_id, code=code)
            expected = "".join(f"{number} {i}\n" for i in range(3))
            return text_of(result).endswith(expected.rstrip("\n"))

        with ThreadPoolExecutor(12) as pool:
            assert all(pool.map(run, range(12)))
        two.value("shutdown_session", session_id=other.session_id)
    other.detach()
    assert session.info()["kernel"] in ("idle", "busy")


def test_a_configuration_has_the_session_from_the_start(session: NotebookSession) -> None:
    config = session.mcp_config
    text = json.dumps(config)
    token = Address.parse(session.jupyter_url).token
    ((name, server),) = config.items()
    assert json.loads(text) == config
    assert (name, server["type"]) == ("shared", "stdio")
    assert set(server) == {"type", "command", "args", "env"}
    assert token not in text
    file = Path(server["env"]["SEER_NOTEBOOK_SESSION"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert token in file.read_text()
    folder = Path(server["env"]["SEER_MCP_FOLDER"])
    assert all(token.encode() not in each.read_bytes() for each in folder.iterdir())

    with talk(config) as client:
        instructions = client.client.instructions or ""
        assert session.session_id in instructions
        assert "shout(text: str) -> str" in instructions
        where = {"session_id": session.session_id}
        assert text_of(client.call("execute_code", **where, code="6 * 7")).endswith("42")
        (known,) = [each for each in client.value("list_sessions")["sessions"] if each["attached"]]
        assert known["session_id"] == session.session_id


def test_the_end_of_a_session_takes_its_file_along(sandbox: Sandbox) -> None:
    session = create_notebook_session(sandbox, name="two words", keep=False)
    config = session.mcp_config
    ((name, server),) = config.items()
    assert name == "two-words"
    session.end()
    assert not Path(server["env"]["SEER_NOTEBOOK_SESSION"]).exists()
    with talk(config) as client:
        error = client.error("execute_code", session_id=session.session_id, code="1")
        assert "has ended" in error
        assert client.value("list_sessions")["sessions"] is not None


def test_an_ended_sandbox_is_told(copies: Path) -> None:
    with Sandbox(SandboxConfig()) as sandbox, talk(over_stdio(copies)) as client:
        session = create_notebook_session(sandbox, keep=False)
        where = {"session_id": session.session_id}
        attach(client, session)
        client.value("execute_code", **where, code="'last'")
        session.detach()
        sandbox.terminate()
        assert "not to be reached" in client.error("execute_code", **where, code="1")
        assert client.value("list_sessions")["sessions"][0]["kernel"] == "gone"
        assert client.value("shutdown_session", **where)["status"] == "gone"
        error = client.error("attach_to_session", **where, jupyter_url=session.jupyter_url)
        assert "ended" in error
