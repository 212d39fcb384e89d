"""Inspect AI's portable suite for sandboxes, with our provider and, for its time, with its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.judges.suites import Outcome, python_of, run_suite

SUITE = Path(__file__).with_name("inspect_suite.py")
CASES = 44


def run(provider: str, folder: Path) -> Outcome:
    """Have Inspect's environment run it."""
    options = f"-c {os.devnull} --rootdir {folder} --noconftest"
    options += " -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function"
    return run_suite(
        python_of("inspect"),
        [*options.split(), SUITE],
        folder / f"{provider}.xml",
        {"INSPECT_SANDBOX": provider},
        folder,
    )


@pytest.mark.timeout(400)
def test_our_sandboxes_are_what_inspect_wants_and_take_less_time(tmp_path: Path) -> None:
    own = run("local", tmp_path)
    ours = run("seer", tmp_path)
    sys.stderr.write(f"Inspect's suite: seer {ours}; Inspect's own local sandbox {own}\n")

    assert ours.of("failed") == []
    assert len(ours.names) == CASES
    assert ours.count("passed") >= CASES - 1
    assert len(own.names) == CASES
    assert ours.seconds < own.seconds
