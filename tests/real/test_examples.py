"""The examples, as a user runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.mcp_talk import talk
from tests.integration.test_guide import NAME, have_what_agents_need, waiting

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(400)]


def test_an_interface_is_served_and_called(model: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / "rpc_interface", tmp_path / "example"))

    finished = subprocess.run(
        [sys.executable, str(folder / "setup.py"), model],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    result = json.loads(finished.stdout)
    mat, theorem = result["surprises"].values()
    assert 0 < mat < theorem
    assert result["most_recent"] == ["The cat sat on the theorem."]


def test_an_agent_talks_with_the_target(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_what_agents_need(monkeypatch, tmp_path)
    monkeypatch.setenv("SEER_BACKEND", "local")
    folder = Path(shutil.copytree(EXAMPLES / "multi_agent", tmp_path / "example"))
    setup = folder / "setup.py"
    setup.write_text(setup.read_text().replace(NAME, model))

    with waiting(setup):
        configured = json.loads((folder / "workspace" / ".mcp.json").read_text())["mcpServers"]
        with talk(configured) as tools:
            tools.value("initialize_target")
            answer = tools.value("send_to_target", message="What is the capital of France?")

    assert answer["type"] == "text"
    assert "Paris" in answer["content"]
