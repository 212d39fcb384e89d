"""The benchmarks, on a small scale: that they measure, not what."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = {"RPyC": "rpyc", "Pyro5": "Pyro5", "Ray": "ray", "Arrow Flight": "pyarrow"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_quick_run_prints_a_table_of_ratios_and_names_who_is_missing(tmp_path: Path) -> None:
    raw = tmp_path / "raw.json"

    finished = run("echo", "--quick", "--rounds", "1", "--json", str(raw))

    assert finished.returncode == 0, finished.stderr
    assert "small call, same host" in finished.stdout
    assert "against raw grpcio, TCP" in finished.stdout
    result = json.loads(raw.read_text())
    ratios = [row["ratio"]["value"] for row in result["rows"]]
    assert len(ratios) == 2
    assert all(math.isfinite(ratio) and ratio > 0 for ratio in ratios)
    assert all(row["verdict"] in {"aim met", "met", "missed"} for row in result["rows"])
    for name, package in PEERS.items():
        assert name in finished.stdout
        if importlib.util.find_spec(package) is None:
            assert result["reasons"]["echo"][name] == {"echo.measure": "not installed"}
        else:
            assert result["figures"]["echo"][name]["p50"]


def test_help_names_every_section_and_says_how_it_measures() -> None:
    text = run("--help").stdout

    for section in ("echo", "callers", "arrays", "empty", "network", "stream", "start"):
        assert f"  {section} " in text
    assert "how it measures:" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["ehco"], "no section 'ehco'"), (["echo", "--rounds", "0"], "--rounds must be 1 or more")],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], problem: str) -> None:
    finished = run(*arguments)

    assert finished.returncode == 2
    assert problem in finished.stderr
