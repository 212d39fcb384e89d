"""The demo, as a user runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(400)]


def test_the_demo_prints_answers_of_a_real_model_and_nothing_else() -> None:
    finished = subprocess.run(
        [str(Path(sys.executable).with_name("seer")), "demo"],
        capture_output=True,
        text=True,
        check=True,
    )

    lines = finished.stdout.splitlines()
    assert lines[0] == "You:   What is the capital of France?"
    assert lines[1].startswith("Model: ")
    assert "Paris" in lines[1]
    assert re.fullmatch(r" +\d+\.\d% +' Paris'", lines[4])
    assert "ndarray of shape (5, 576)" in finished.stdout
    assert re.search(r"norm \d+\.\d\d$", finished.stdout, re.MULTILINE)
    timed = [line.split()[0] for line in lines[lines.index("Time of each call") + 1 :]]
    assert timed == ["chat", "next_tokens", "activation"]
