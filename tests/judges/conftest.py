"""What the judges share: where their programs are. They are asked by `make judges` alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("SEER_JUDGES") else ["test_*.py"]


@pytest.fixture(scope="session")
def judges() -> Path:
    """Give the folder of the judges' programs."""
    return Path(__file__).parents[2] / ".venv-judges" / "bin"
