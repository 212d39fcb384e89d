"""What tests of the examples share: a copy of them to run in, and models."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.notebooks.tiny_models import make_adapter, make_model

EXAMPLES = Path(__file__).parents[2] / "examples"

Run = Callable[..., str]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a random model."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_adapter(tiny: str) -> str:
    """The folder of an adapter on it."""
    return make_adapter(Path(tiny).with_name("secret-adapter"), tiny)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the examples: some write beside themselves."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


@pytest.fixture
def run(folder: Path) -> Run:
    """Run an example; gives what it prints."""

    def run_one(script: str, *arguments: str, given: str = "") -> str:
        finished = subprocess.run(
            [sys.executable, str(folder / script), *arguments],
            cwd=folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert "Traceback" not in finished.stderr
        return finished.stdout

    return run_one
