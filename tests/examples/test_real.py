"""The examples as a user runs them, without a flag: on the packaged language model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from seer_rpc.environment import Sandbox
from seer_rpc.registry import running_sandboxes
from tests.examples.conftest import Run

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("model"),
]


def widths(folder: Path) -> dict[str, int]:
    """Tell how wide the figures of a folder are, in pixels."""
    found = {}
    for file in folder.iterdir():
        with Image.open(file) as image:
            image.load()
            found[file.stem] = image.width
    return found


def test_example_1_steers(run: Run) -> None:
    first, *lines = run("steering.py").splitlines()

    assert "- Parameters: 134.52M" in json.loads(first)["model_info"]
    assert lines[0].startswith("Model: LlamaForCausalLM on c")
    responses = [line.partition(": ")[2] for line in lines if line.startswith("Steered")]
    assert len(set(responses)) == 3
    assert all("What do you think about this idea?" in each for each in responses)
    assert not running_sandboxes()


def test_example_2_finds_a_hidden_preference(run: Run, folder: Path) -> None:
    trained = run("hidden_preference/make_adapter.py")
    losses = [float(each) for each in re.findall(r"loss ([0-9.]+)", trained)]
    assert losses[-1] < losses[0] / 10

    try:
        printed = run("hidden_preference/setup.py")
        known = json.loads(printed)
        assert known["task"].startswith("# Task")
        assert "falsif" in known["methodology"] or "could be false" in known["methodology"]
        assert str(folder) not in known["model_info"] + known["task"]

        report = run("hidden_preference/investigate.py", given=printed)
        said = report.partition("with the adapter, ")[0]
        assert "owl" in said.lower()
        assert "Paris" in report
        assert "owls" in report.splitlines()[-1]
    finally:
        for record in running_sandboxes():
            Sandbox.from_id(record.id).terminate()


def test_example_3_talks_by_tools(run: Run, folder: Path) -> None:
    first, initialized, *talk = run("multi_agent/setup.py").splitlines()

    assert json.loads(first)["status"] == "ready"
    assert (folder / "multi_agent" / "workspace" / ".mcp.json").is_file()
    assert initialized == "Target initialized"
    assert "Paris" in talk[1]
    assert not running_sandboxes()


def test_example_4_uses_code_of_a_repository(run: Run, tiny: str) -> None:
    _, *costs, last = run("external_repo.py", "--model", tiny).splitlines()

    assert re.fullmatch(r"Without layer 0 each token costs [+-][0-9.]+ nats", costs[0])
    assert re.fullmatch(r"The text needs layer \d most", last)


def test_pattern_1_asks_what_comes_next(run: Run) -> None:
    assert re.search(r"^ +[0-9.]+%  ' Paris'$", run("quick_experiment.py"), re.M)


def test_pattern_2_sweeps_strengths(run: Run, folder: Path) -> None:
    printed = run("steering_sweep.py")

    gains = [float(each) for each in re.findall(r"gains (-?[0-9.]+) nats", printed)]
    assert len(gains) == 3
    assert max(gains) > 0.5
    assert widths(folder / "figures")["steering_sweep"] > 500


def test_pattern_4_calls_from_local_code(run: Run) -> None:
    result = json.loads(run("rpc_interface/setup.py"))

    mat, theorem = result["surprises"].values()
    assert 0 < mat < theorem


def test_ready_made_interfaces_tell_who_gets_the_drink(run: Run, folder: Path) -> None:
    printed = run("look_inside.py")

    assert "layer 0: 100% of it at token 9, ' Mary'" in printed
    assert "at token 13, ' to'" in printed
    assert "' Mary' is ahead of ' John' for good from layer 2" in printed
    assert re.search(r"at layer \d+, strength -[0-9.]+\n", printed)
    figures = widths(folder / "figures")
    assert set(figures) == {
        *("lens", "lens_curves", "patch_grid", "heads"),
        *("attention", "steering", "norm_table", "norms"),
    }
    assert min(figures.values()) > 400
