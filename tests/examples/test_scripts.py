"""The short examples as they are written, here and on Modal; a random model makes them quick."""

from __future__ import annotations

import json

import pytest

from seer_rpc.registry import running_sandboxes
from tests.examples.conftest import Run

ON_MODAL = pytest.mark.parametrize("backend", ["modal"], indirect=True)
"""For those that tests with a real model run here."""


@pytest.fixture(params=["local", "modal"], autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The backend on which scripts run."""
    if request.param == "modal":
        request.getfixturevalue("modal_emulator")
    monkeypatch.setenv("SEER_BACKEND", request.param)
    return str(request.param)


def connection_and_report(printed: str) -> tuple[dict[str, str], str]:
    """Split what an example prints into how to attach, and what it found."""
    first, _, report = printed.partition("\n")
    return json.loads(first), report


@ON_MODAL
def test_a_quick_experiment(run: Run, tiny: str) -> None:
    connection, report = connection_and_report(run("quick_experiment.py", "--model", tiny))

    assert set(connection) == {"session_id", "jupyter_url"}
    assert report.startswith("Behind 'The capital of France is' comes\n")
    shares = [float(line.split("%")[0]) for line in report.splitlines()[1:]]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 5
    assert not running_sandboxes()


def test_keys_are_in_the_sandbox_and_nowhere_else(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "whispered")

    printed = run("api_keys.py")

    assert connection_and_report(printed)[1] == (
        "HF_TOKEN: is here\nOPENAI_API_KEY: is here\nANTHROPIC_API_KEY: is here\n"
    )
    assert "whispered" not in printed


def test_an_adapter_that_nobody_names(run: Run, tiny: str, tiny_adapter: str) -> None:
    printed = run("hidden_adapter.py", "--model", tiny, "--adapter", tiny_adapter)

    assert "**model** (hidden)" in printed
    assert "says of itself: nothing\n" in printed
    assert "'The capital of France is': '" in printed
    assert "secret-adapter" not in printed


@ON_MODAL
def test_local_code_calls_an_interface(run: Run, tiny: str) -> None:
    result = json.loads(run("rpc_interface/setup.py", "--model", tiny))

    assert len(result["surprises"]) == 2
    assert result["most_recent"] == ["The cat sat on the theorem."]
