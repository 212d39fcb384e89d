"""The examples, as a user runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(400)]


def test_an_interface_is_served_and_called(model: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / "rpc_interface", tmp_path / "example"))

    finished = subprocess.run(
        [sys.executable, str(folder / "setup.py"), model],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    result = json.loads(finished.stdout)
    mat, theorem = result["surprises"].values()
    assert 0 < mat < theorem
    assert result["most_recent"] == ["The cat sat on the theorem."]
