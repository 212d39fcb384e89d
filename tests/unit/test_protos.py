"""Protos: the compiled modules are those of the proto files, and a difference is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILED = Path("runtime/seer_runtime/wire/pb")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the proto files and of what is compiled from them."""
    for folder in (Path("protos"), COMPILED):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


def check(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "protos" / "compile.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_compiled_modules_are_those_of_the_proto_files() -> None:
    finished = check(ROOT, "--check")

    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", ["runtime_pb2.py", "interface_pb2.pyi", "runtime_pb2_grpc.py"])
def test_a_compiled_module_that_was_changed_is_noticed(copy: Path, name: str) -> None:
    with (copy / COMPILED / name).open("a") as stream:
        stream.write("# changed\n")

    finished = check(copy, "--check")

    assert finished.returncode == 1
    assert f"out of step with protos/ (run `make protos`): {name}" in finished.stderr


def test_missing_and_left_over_modules_are_noticed(copy: Path) -> None:
    (copy / COMPILED / "interface_pb2.py").unlink()
    (copy / COMPILED / "older_pb2.py").touch()

    finished = check(copy, "--check")

    assert finished.returncode == 1
    assert "interface_pb2.py, older_pb2.py" in finished.stderr


def test_compiling_puts_them_back_in_step(copy: Path) -> None:
    (copy / COMPILED / "interface_pb2.py").write_text("# changed\n")

    assert check(copy).returncode == 0
    assert check(copy, "--check").returncode == 0
