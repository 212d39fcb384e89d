"""People in JupyterLab and agents have one notebook: what Jupyter's own API does to it."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket

from seer_rpc.environment import Sandbox
from seer_rpc.errors import KernelDiedError
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_rpc.workspace import Workspace

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def session() -> Iterator[NotebookSession]:
    """A session on this machine."""
    with Sandbox() as sandbox:
        workspace = Workspace(custom_init_code="prepared = 'as it was asked for'")
        session = create_notebook_session(sandbox, workspace, "shared", keep=False)
        yield session
        session.detach()


@pytest.fixture(scope="module")
def ask(session: NotebookSession) -> Ask:
    """Ask Jupyter, as JupyterLab does."""
    url, token = session.jupyter_url.split("/lab/tree/shared.ipynb?token=")

    def request(method: str, path: str, body: Any = None, token: str | None = token) -> Any:
        asked = urllib.request.Request(
            f"{url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {token}"} if token else {},
        )
        with urllib.request.urlopen(asked) as answer:
            content = answer.read()
        return json.loads(content) if path.startswith("/api") and content else content

    return request


def opened(ask: Ask) -> Any:
    return ask("GET", "/api/contents/shared.ipynb?content=1&type=notebook")


def save(ask: Ask, model: Any) -> None:
    ask("PUT", "/api/contents/shared.ipynb", model)


def sources(session: NotebookSession) -> list[str]:
    return [cell["source"] for cell in session.notebook()["cells"]]


def cell(source: str, cell_id: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


def test_without_the_secret_nothing_is_to_be_had(ask: Ask) -> None:
    for path in ("/lab/tree/shared.ipynb", "/api/contents", "/api/kernels", "/seer/sessions"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask("GET", path, token=None)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask("GET", path, token="wrong")


def page(session: NotebookSession, token: str) -> websocket.WebSocket:
    """Follow the notebook, as its page in JupyterLab does."""
    host = session.jupyter_url.split("/")[2]
    return websocket.create_connection(f"ws://{host}/seer/page?token={token}", timeout=30)


def test_a_page_hears_of_changes_with_the_secret_alone(session: NotebookSession) -> None:
    for token in ("", "wrong"):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            page(session, token)

    asked = {"path": "shared.ipynb", "epoch": "", "revision": -1}
    with contextlib.closing(page(session, session.jupyter_url.split("token=")[1])) as open_page:
        open_page.send(json.dumps(asked))
        news = json.loads(open_page.recv())
        open_page.send(json.dumps(asked | {name: news[name] for name in ("epoch", "revision")}))
        cell_id = session.add_markdown("to be heard of")
        heard = json.loads(open_page.recv())
        session.remove_cell(cell_id)

    assert heard["order"][-1] == cell_id
    assert [each["cell"]["source"] for each in heard["changed"]] == ["to be heard of"]


def test_the_log_has_no_secrets(session: NotebookSession, ask: Ask) -> None:
    token = session.jupyter_url.split("token=")[1]
    for path in ("/seer/sessions/none", "/api/contents/none"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask("GET", f"{path}?token={token}")

    log = session.sandbox.read_file("/root/.jupyter-server/log")
    assert "/seer/sessions/none?token=[secret]" in log
    assert token not in log


def test_the_url_shows_jupyterlab(session: NotebookSession) -> None:
    with urllib.request.urlopen(session.jupyter_url) as answer:
        page = answer.read().decode()

    assert "<title>JupyterLab</title>" in page
    assert session.jupyter_url.split("token=")[1] not in page


def test_jupyter_knows_the_kernel_of_the_notebook(session: NotebookSession, ask: Ask) -> None:
    (running,) = ask("GET", "/api/sessions")

    assert running["path"] == "shared.ipynb"
    assert running["kernel"]["id"] == session.info()["kernel_id"]


def test_what_a_person_saves_and_what_an_agent_adds_is_both_kept(
    session: NotebookSession, ask: Ask
) -> None:
    session.exec("'first'")
    session.add_markdown("second")
    model = opened(ask)
    assert [each["source"] for each in model["content"]["cells"]] == ["'first'", "second"]

    session.exec("'while it was open'")
    model["content"]["cells"][1]["source"] = "second, edited"
    model["content"]["cells"].append(cell("a person's own", "theirs"))
    save(ask, model)
    assert sources(session) == [
        "'first'",
        "second, edited",
        "'while it was open'",
        "a person's own",
    ]

    # The page does not know of the other cell still; it removes one of each kind.
    model["content"]["cells"] = [model["content"]["cells"][0]]
    save(ask, model)
    assert sources(session) == ["'first'", "'while it was open'"]
    on_disk = json.loads(session.sandbox.read_file("/workspace/shared.ipynb"))
    assert "seer_cells" not in on_disk["metadata"]


def test_a_cell_that_runs_keeps_its_output_when_a_person_saves(
    session: NotebookSession, ask: Ask
) -> None:
    model = opened(ask)
    result = session.exec("print('ran meanwhile')")
    model["content"]["cells"].append(cell("saved", "late"))
    save(ask, model)

    found = {each["id"]: each for each in session.notebook()["cells"]}[result.cell_id]
    assert found["outputs"][0]["text"] == "ran meanwhile\n"


def test_a_cell_that_a_person_runs_has_the_person_s_output(
    session: NotebookSession, ask: Ask
) -> None:
    result = session.exec("'an agent ran it'")
    model = opened(ask)
    theirs = {"output_type": "stream", "name": "stdout", "text": "a person ran it\n"}
    model["content"]["cells"][-1] |= {"execution_count": 99, "outputs": [theirs]}
    save(ask, model)

    session.exec("'another one'")
    found = {each["id"]: each for each in session.notebook()["cells"]}[result.cell_id]
    assert (found["execution_count"], found["outputs"]) == (99, [theirs])


def test_the_output_is_that_of_the_last_run_that_a_page_knew_of(
    session: NotebookSession, ask: Ask
) -> None:
    result = session.exec("print('of an agent')")

    def saved(run: str, own_run: str, text: str) -> Any:
        model = opened(ask)
        last = model["content"]["cells"][-1]
        last |= {"execution_count": 50, "outputs": [{**last["outputs"][0], "text": text}]}
        heard = {name: last[name] for name in ("cell_type", "source")}
        heard |= {"run": run, "own_run": own_run}
        model["content"]["metadata"]["seer_cells"] = {last["id"]: heard}
        save(ask, model)
        return session.notebook()["cells"][-1]["outputs"][0]["text"]

    agents = "of an agent\n"
    run = result.execution_id
    # It shows an older output, or a person ran the cell before the agent did.
    assert saved(run, "", "old") == saved("", "page-1", "old") == agents
    # A person ran it after that, and it went on.
    assert saved(run, "page-2", "of a person") == "of a person"
    assert saved(run, "page-2", "and more") == "and more"
    # Another page has not heard of that.
    assert saved(run, "page-3", "old") == "and more"


def test_a_cell_of_which_a_person_makes_text_has_no_output(
    session: NotebookSession, ask: Ask
) -> None:
    result = session.exec("'an agent ran it'")
    model = opened(ask)
    model["content"]["cells"][-1] = cell("it is text now", result.cell_id)
    save(ask, model)

    assert session.notebook()["cells"][-1] == cell("it is text now", result.cell_id)


def test_a_kernel_that_a_person_restarts_is_prepared_again(
    session: NotebookSession, ask: Ask
) -> None:
    session.exec("prepared = None")
    execution = session.start("print('runs', flush=True)\nimport time\ntime.sleep(600)")
    while "runs" not in execution.refresh(1.0).text:
        assert not execution.is_over

    ask("POST", f"/api/kernels/{session.info()['kernel_id']}/restart", {})

    with pytest.raises(KernelDiedError, match="restarted"):
        execution.check(60)
    assert session.exec("prepared", timeout=60).text == "'as it was asked for'\n"


def test_a_kernel_that_a_person_shuts_down_is_dead_and_restarts(
    session: NotebookSession, ask: Ask
) -> None:
    execution = session.start("print('runs', flush=True)\nimport time\ntime.sleep(600)")
    while "runs" not in execution.refresh(1.0).text:
        assert not execution.is_over
    ask("DELETE", f"/api/kernels/{session.info()['kernel_id']}")

    with pytest.raises(KernelDiedError):
        execution.check(60)
    with pytest.raises(KernelDiedError, match="is dead"):
        session.exec("1", timeout=60)
    session.restart()
    assert session.exec("prepared", timeout=60).text == "'as it was asked for'\n"


def test_a_notebook_that_a_person_renames_goes_on_under_its_new_name(
    session: NotebookSession, ask: Ask
) -> None:
    ask("PATCH", "/api/contents/shared.ipynb", {"path": "renamed.ipynb"})

    session.exec("'under another name'")

    assert session.notebook_path == "/workspace/renamed.ipynb"
    text = session.sandbox.read_file("/workspace/renamed.ipynb")
    assert "under another name" in text
    names = [each.path for each in session.sandbox.list_files() if each.path.endswith(".ipynb")]
    assert names == ["/workspace/renamed.ipynb"]
