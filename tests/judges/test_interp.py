"""The interpretability toolkit by nnsight and TransformerLens, and on an older transformers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seer_rpc.backends.models import ModelSource, model_folder
from tests.judges.suites import ROOT, python_of, run_suite
from tests.toolkit.families import FAMILIES

SUITE = Path(__file__).with_name("interp_suite.py")
PLACES = os.pathsep.join(str(ROOT / each) for each in (".", "runtime", "interfaces"))
QUIET = {"HF_HUB_OFFLINE": "1", "PYTHONPATH": PLACES, "OMP_NUM_THREADS": "1"}
PEERS = ("nnsight", "bridge")


@pytest.mark.timeout(400)
def test_numbers_are_those_of_nnsight_and_transformer_lens(model: str, tmp_path: Path) -> None:
    options = f"-c {os.devnull} --rootdir {tmp_path} --noconftest --import-mode=importlib"
    outcome = run_suite(
        python_of("interp"),
        [*options.split(), "-o", "junit_family=xunit1", SUITE],
        tmp_path / "report.xml",
        {**QUIET, "SEER_JUDGED_MODEL": str(model_folder(ModelSource.parse(model)))},
        tmp_path,
    )
    largest = "\n".join(f"{name:45} {value}" for name, value in outcome.notes.items())
    sys.stderr.write(f"largest differences, {outcome}:\n{largest}\n")

    assert outcome.of("failed") == []
    assert len(outcome.names) == outcome.count("passed")
    for kind in ("logits", "sites", "patches_of_positions", "patches_of_heads"):
        for family in (*FAMILIES, "smollm2"):
            assert all(f"{kind}[{family}-{peer}]" in outcome.notes for peer in PEERS)


@pytest.mark.timeout(400)
def test_all_of_the_toolkit_is_right_on_transformers_4(tmp_path: Path) -> None:
    """Layers of some families give tuples there."""
    python = python_of("transformers4")
    version = "import transformers; print(transformers.__version__)"
    told = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("4.")
    outcome = run_suite(
        python,
        ["tests/toolkit"],
        tmp_path / "report.xml",
        QUIET,
        ROOT,
    )
    sys.stderr.write(f"on transformers 4: {outcome}\n")

    assert outcome.of("failed") == []
    assert outcome.count("passed") == len(outcome.names) > 400
