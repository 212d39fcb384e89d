"""Suites of tests that run in environments of other people's tools."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2]


class Outcome(NamedTuple):
    """What came of a suite."""

    names: dict[str, str]
    """Each case and how it ended."""

    notes: dict[str, str]
    """What cases wrote down: the last of what they had to say by each name."""

    seconds: float

    def count(self, outcome: str) -> int:
        return list(self.names.values()).count(outcome)

    def of(self, outcome: str) -> list[str]:
        return [name for name, each in self.names.items() if each == outcome]

    def __str__(self) -> str:
        return f"{self.count('passed')} of {len(self.names)} in {self.seconds:.1f} s"


def python_of(environment: str) -> str:
    """Give the interpreter of an environment, `.venv-NAME` or what SEER_NAME_PYTHON says."""
    usual = ROOT / f".venv-{environment}" / "bin" / "python"
    return os.environ.get(f"SEER_{environment.upper()}_PYTHON", str(usual))


def run_suite(
    python: str,
    arguments: Sequence[str | Path],
    report: Path,
    environment: Mapping[str, str],
    folder: Path,
) -> Outcome:
    """Have an environment's pytest run tests; `report` is a file to be made."""
    begun = time.monotonic()
    done = subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            *arguments,
        ],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    sys.stderr.write(done.stdout[-4000:] + done.stderr[-2000:])
    tree = ET.parse(report).getroot()
    names = {
        f"{each.get('classname')}.{each.get('name')}": _end_of(each)
        for each in tree.iter("testcase")
    }
    notes = {str(each.get("name")): str(each.get("value")) for each in tree.iter("property")}
    return Outcome(names, notes, seconds)


def _end_of(case: ET.Element) -> str:
    """Say how a case of a report ended."""
    ends = {each.tag: each.get("type", "") for each in case}
    if "failure" in ends or "error" in ends:
        return "failed"
    return ends.get("skipped", "").removeprefix("pytest.") or "passed"
