"""`seer serve`, and ready-made interfaces by their names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolkit.families import byte_tokenizer, tiny

SEER = [sys.executable, "-P", "-m", "seer_rpc.cli"]
SCRIPT = "import activations; print(tuple(activations.extract('hello', 0).shape))"


def test_a_ready_made_interface_is_served_until_it_is_interrupted(tmp_path: Path) -> None:
    model, folder = tmp_path / "tiny", tmp_path / "work"
    tiny("llama").save_pretrained(model)
    byte_tokenizer().save_pretrained(model)
    command = [*SEER, "serve", "activations", "--model", str(model), "--into", str(folder)]
    serving = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert serving.stderr is not None
        lines = iter(serving.stderr.readline, "")
        told = next(line for line in lines if "Ctrl-C" in line)
        called = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=folder, capture_output=True, text=True, check=True
        )
        serving.send_signal(signal.SIGINT)
        rest = serving.communicate(timeout=60)[1]
    finally:
        serving.kill()
        serving.wait()

    assert told == f"seer: `import activations` works in {folder}; Ctrl-C ends it\n"
    assert called.stdout == "(1, 1, 32)\n"
    assert serving.returncode == 130, rest
    after = subprocess.run([sys.executable, "-c", SCRIPT], cwd=folder, capture_output=True)
    assert after.returncode == 1
    assert b"start the sandbox again" in after.stderr


@pytest.mark.parametrize("name", ["model", "activations", "causal", "workbench"])
def test_ready_made_interfaces_are_known_by_name(name: str, tmp_path: Path) -> None:
    told = subprocess.run(
        [*SEER, "mcp", "config", name, "--client", "cursor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{os.sep}seer_interfaces{os.sep}{name}.py" in told.stdout


def test_what_is_neither_a_file_nor_a_name_is_told(tmp_path: Path) -> None:
    finished = subprocess.run(
        [*SEER, "serve", "nothing"], cwd=tmp_path, capture_output=True, text=True
    )
    assert finished.returncode == 1
    assert "nothing" in finished.stderr
