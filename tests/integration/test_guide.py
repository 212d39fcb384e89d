"""The guide's setups as they are written, here and on Modal; an emulated hub has their model."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.integration.mcp_talk import talk
from tests.integration.wheels import make_wheel
from tests.modal_emulator.plugin import ROOTS

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "google/gemma-2-9b"
CONFIG = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64}

Copy = Callable[[str], Path]


@pytest.fixture(params=["local", "modal"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The backend on which scripts run."""
    if request.param == "modal":
        request.getfixturevalue("modal_emulator")
    monkeypatch.setenv("SEER_BACKEND", request.param)
    return str(request.param)


@pytest.fixture
def copy(tmp_path: Path, backend: str, hub: Hub, request: pytest.FixtureRequest) -> Copy:
    """Copy an example; gives the folder."""
    hub.add(NAME, {"config.json": json.dumps(CONFIG).encode()})
    if backend == "modal":
        request.getfixturevalue("modal_emulator").reachable.add(hub.port)

    def copy_one(name: str) -> Path:
        shutil.copy(EXAMPLES / "choices.py", tmp_path)
        return Path(shutil.copytree(EXAMPLES / name, tmp_path / name))

    return copy_one


def run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder; gives what it prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_least_that_serves_an_interface(copy: Copy) -> None:
    source = (
        "import runpy\n"
        "from seer_rpc.client import Session\n"
        "made = runpy.run_path('minimal_rpc.py')\n"
        "with Session(made['workspace'].libraries[0].connection) as session:\n"
        "    print(session.call('describe_model', [], {}))\n"
    )

    # Nothing but what this prints.
    assert run(copy("guide"), "-c", source) == "{'layers': 2, 'width': 64}\n"


def test_local_code_imports_what_is_served(copy: Copy) -> None:
    assert run(copy("guide"), "rpc_interface.py") == "{'layers': 2, 'width': 64}\n"


@contextlib.contextmanager
def waiting(script: Path) -> Iterator[str]:
    """Run a script, which goes on when it says that the tools can be used; gives what it prints."""
    source = script.read_text()
    usable = "    # Now you can use the MCP tools from your local code\n"
    assert usable in source
    script.write_text(source.replace(usable, "    sys.stdin.read()\n    return\n"))
    command = [sys.executable, str(script), "--full"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline()
        assert process.communicate()[0] == ""
    assert process.returncode == 0


def have_what_agents_need(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have keys, and packages in a folder; an image on Modal would have these."""
    for name in ("anthropic", "openai"):
        make_wheel(folder, name, "1.0")
        monkeypatch.setenv(f"{name.upper()}_API_KEY", "a-key")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def test_an_agent_uses_the_tools_of_an_interface(
    copy: Copy, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_what_agents_need(monkeypatch, tmp_path)
    folder = copy("multi_agent")

    with waiting(folder / "setup.py") as printed:
        told = json.loads(printed)
        configured = json.loads((folder / "workspace" / ".mcp.json").read_text())["mcpServers"]
        if backend == "modal":
            # The emulated tunnel is vouched for by an authority of its own.
            configured["conversation_tools"]["env"][ROOTS] = os.environ[ROOTS]
        with talk(configured) as tools:
            assert set(tools.tools()) >= {"initialize_target", "send_to_target", "transcript"}
            assert tools.value("initialize_target") == "Target initialized"
            (system,) = tools.value("transcript")

    assert told == {
        "status": "ready",
        "interface": "conversation_tools (MCP)",
        "workspace_dir": str(folder / "workspace"),
    }
    assert system["content"].startswith("You are a helpful assistant")
