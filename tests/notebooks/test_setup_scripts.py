"""A script that sets up a session, prints how to reach it and ends: others go on from there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import Sandbox
from seer_rpc.errors import NotebookAccessError
from seer_rpc.execution import attach_notebook_session
from seer_rpc.registry import running_sandboxes
from tests.notebooks.setup_scripts import printed_by

SETUP = """
import asyncio
import json
from seer_rpc.environment import Sandbox, SandboxConfig, ExecutionMode, ModelConfig
from seer_rpc.workspace import Workspace, Library
from seer_rpc.execution import create_notebook_session


async def main():
    config = SandboxConfig(
        execution_mode=ExecutionMode.NOTEBOOK,
        timeout=600,
        secrets=["OWN_SECRET"],
    )
    sandbox = Sandbox(config).start(name="my-sandbox")
    workspace = Workspace(libraries=[Library.from_file("my_helpers.py")])
    session = create_notebook_session(sandbox, workspace)
    print(json.dumps({
        "session_id": session.session_id,
        "jupyter_url": session.jupyter_url,
        "model_info": session.model_info_text,
    }))


if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture
def printed(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What the script prints; its sandbox is ended afterwards."""
    (tmp_path / "setup.py").write_text(SETUP)
    (tmp_path / "my_helpers.py").write_text("def analyze(text):\n    return text.upper()\n")
    monkeypatch.setenv("SEER_BACKEND", backend)
    monkeypatch.setenv("OWN_SECRET", "whispered")
    with printed_by(tmp_path / "setup.py") as printed:
        yield printed


def test_the_two_values_are_enough_after_the_script_has_ended(
    printed: dict[str, Any], tmp_path: Path
) -> None:
    copies = tmp_path / "notebooks"
    client = attach_notebook_session(
        printed["session_id"], printed["jupyter_url"], notebook_dir=copies
    )

    code = "import my_helpers, os\nmy_helpers.analyze(os.environ['OWN_SECRET'])"
    assert client.exec(code, timeout=60).text == "'WHISPERED'\n"
    client.add_markdown("## Result")
    assert client.notebook_file is not None
    notebook = json.loads(client.notebook_file.read_text())
    assert [cell["source"] for cell in notebook["cells"]] == [code, "## Result"]
    client.detach()

    (record,) = running_sandboxes()
    assert (record.name, record.is_detached) == ("my-sandbox", True)

    sandbox = Sandbox.from_id("my-sandbox")
    assert sandbox.jupyter_url is not None
    assert printed["jupyter_url"].split("/lab/")[0] in sandbox.jupyter_url
    sandbox.terminate()
    with pytest.raises(NotebookAccessError) as caught:
        attach_notebook_session(printed["session_id"], printed["jupyter_url"])
    assert "ended" in caught.value.hint
    assert os.path.exists(copies)
