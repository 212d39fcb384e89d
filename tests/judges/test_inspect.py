"""Inspect AI's portable suite for sandboxes, with our provider and, for its time, with its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

SUITE = Path(__file__).with_name("inspect_suite.py")
ENVIRONMENT = Path(__file__).parents[2] / ".venv-inspect"
CASES = 44


class Outcome(NamedTuple):
    """What came of the suite."""

    names: dict[str, str]
    """Each case and how it ended."""

    seconds: float

    def count(self, outcome: str) -> int:
        return list(self.names.values()).count(outcome)

    def __str__(self) -> str:
        return f"{self.count('passed')} of {len(self.names)} in {self.seconds:.1f} s"


def outcome_of(case: ET.Element) -> str:
    """Say how a case of a report ended."""
    ends = {each.tag: each.get("type", "") for each in case}
    if "failure" in ends or "error" in ends:
        return "failed"
    return ends.get("skipped", "").removeprefix("pytest.") or "passed"


def run_suite(provider: str, folder: Path) -> Outcome:
    """Have Inspect's environment run it."""
    report = folder / f"{provider}.xml"
    python = os.environ.get("SEER_INSPECT_PYTHON", str(ENVIRONMENT / "bin" / "python"))
    options = f"-c {os.devnull} --rootdir {folder} --noconftest -q -p no:cacheprovider"
    options += " -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function"
    begun = time.monotonic()
    done = subprocess.run(
        [python, "-m", "pytest", *options.split(), f"--junitxml={report}", SUITE],
        env={**os.environ, "INSPECT_SANDBOX": provider},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    sys.stderr.write(done.stdout[-4000:] + done.stderr[-2000:])
    cases = ET.parse(report).getroot().iter("testcase")
    return Outcome({str(case.get("name")): outcome_of(case) for case in cases}, seconds)


@pytest.mark.timeout(400)
def test_our_sandboxes_are_what_inspect_wants_and_take_less_time(tmp_path: Path) -> None:
    own = run_suite("local", tmp_path)
    ours = run_suite("seer", tmp_path)
    sys.stderr.write(f"Inspect's suite: seer {ours}; Inspect's own local sandbox {own}\n")

    failed = [name for name, outcome in ours.names.items() if outcome == "failed"]
    assert failed == []
    assert len(ours.names) == CASES
    assert ours.count("passed") >= CASES - 1
    assert len(own.names) == CASES
    assert ours.seconds < own.seconds
