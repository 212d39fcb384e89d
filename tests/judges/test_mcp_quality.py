"""A checker of MCP servers about the tools of the corpus, and about a server that it may call.

It counts tokens, looks for what some clients do not take, and calls tools with arguments that do
not fit. What a model makes of a description is nothing that it, or any test without one, can tell.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.mcp.interface.server import make_server
from tests.corpus import interface_files, schemas

FOLDER = Path(__file__).parent

Checker: TypeAlias = Callable[..., dict[str, Any]]

ACCEPTED = {
    # Whatever a result holds, what is shown of it is bounded.
    "C14-oversized-output",
    # By its words alone: ours say what to correct, and that nothing ran.
    "C11-error-unactionable",
    # It speaks an earlier revision; the conformance suite asks for this one.
    "C10-forward-compat",
}
LONG_DOCS = {"docs_long"}


@pytest.fixture(scope="module")
def check(judges: Path) -> Checker:
    """Run the checker; gives its report."""

    def run(*arguments: str) -> dict[str, Any]:
        finished = subprocess.run(
            [str(judges / "mcp-quality"), *arguments, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr
        report: dict[str, Any] = json.loads(finished.stdout)
        return report

    return run


def test_the_tools_of_the_corpus_are_told_well(
    check: Checker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = []
    for name in (each.name for each in interface_files()):
        dump = tmp_path / f"{name}.json"
        dump.write_text(json.dumps({"tools": tools(name)}))
        report = check("static", str(dump))

        accepted = ACCEPTED | ({"$2-bloat"} if name in LONG_DOCS else set())
        assert findings(report) <= accepted, (name, report)
        cost = report["families"]["cost"]["metrics"]
        lines.append(f"{name:30} {cost['tools']:3} tools {cost['toolset_tokens']:6,} tokens")
        if name not in LONG_DOCS:
            assert report["overall"]["grade"] == "A"
            assert cost["toolset_tokens"] / cost["tools"] < 350
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))


def test_a_server_that_is_called_keeps_to_what_it_says(check: Checker) -> None:
    with ScopedSandbox() as scoped:
        config = scoped.serve(FOLDER / "conformance_interface.py", "mcp", "judged")["judged"]
        variables = [f"{name}={text}" for name, text in config["env"].items()]
        report = check("run", shlex.join(["env", *variables, config["command"], *config["args"]]))
        called = {call.function for call in scoped.calls(interface="judged")}

    contract = report["families"]["contract"]["metrics"]
    assert report["overall"]["grade"] == "A"
    assert findings(report) <= ACCEPTED, report
    assert contract["schema_invalid"] == []
    for trouble in ("conformance_breaks", "nondeterministic", "silent_failures"):
        assert contract[trouble] == 0, (trouble, report)
    assert contract["error_path_crashes"] == 0
    assert contract["stateless_readiness"]["tools_list_stable"]
    assert contract["skipped_writes"] == ["job_cancel"]
    assert len(called) == len(exposed())


def exposed() -> list[str]:
    text = (FOLDER / "conformance_interface.py").read_text()
    return [line for line in text.splitlines() if line.startswith("@expose")]


def tools(interface: str) -> list[dict[str, Any]]:
    server = make_server(schemas()[interface], Path("none"), Path("none"), wait=45)
    return [
        tool.to_mcp_tool().model_dump(mode="json", by_alias=True, exclude_none=True)
        for tool in asyncio.run(server.list_tools())
    ]


def findings(report: dict[str, Any]) -> set[str]:
    families = report["families"].values()
    return {found["code"] for family in families for found in family["findings"]}
