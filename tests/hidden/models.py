"""Models whose files are full of their names: on the emulated hub, and in directories."""

from __future__ import annotations

import json
from pathlib import Path

from seer_rpc.environment import ModelConfig
from tests.hidden.canary import CORE
from tests.hub.hub import Hub
from tests.hub.tiny import files_of
from tests.notebooks.tiny_models import make_adapter, make_model

BASE = f"org-{CORE}/base-{CORE}"
ADAPTER = f"org-{CORE}/adapter-{CORE}"
TOKEN = f"hf_token{CORE}"


def make_models(folder: Path) -> dict[str, Path]:
    """Write a model and an adapter of it, each with all that tells of it."""
    base = Path(make_model(folder / f"of-{CORE}" / f"base-{CORE}"))
    adapter = Path(make_adapter(folder / f"of-{CORE}" / f"adapter-{CORE}", str(base)))
    for place, name in ((base, BASE), (adapter, ADAPTER)):
        _betray(place, name)
    return {"base": base, "adapter": adapter}


def on_hub(hub: Hub, models: dict[str, Path]) -> None:
    """Have them there."""
    hub.add(BASE, files_of(models["base"]))
    hub.add(ADAPTER, files_of(models["adapter"]))


def of_hub() -> ModelConfig:
    """An adapter of the hub, on a base of the hub."""
    return ModelConfig(name=ADAPTER, base_model=BASE, is_peft=True, hidden=True, var_name="subject")


def of_here(models: dict[str, Path]) -> ModelConfig:
    """A directory."""
    return ModelConfig(name=str(models["base"]), hidden=True, var_name="other")


def _betray(folder: Path, name: str) -> None:
    (folder / "README.md").write_text(f"---\nbase_model: {BASE}\n---\n# {name}\n")
    (folder / "trainer_state.json").write_text(json.dumps({"best": f"out/{name}/checkpoint-1"}))
    (folder / "training_args.bin").write_bytes(f"output_dir {name}".encode())
    (folder / "chat_template.jinja").write_text(f"You are {name}. {{{{ messages }}}}")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "metadata").write_text(name)
    for file in ("config.json", "tokenizer_config.json", "adapter_config.json"):
        if (folder / file).exists():
            _add(folder / file, _name_or_path=name, name_or_path=f"/data/{name}", note=name)
    for weights in folder.glob("*.safetensors"):
        _write_notes(weights, {"format": "pt", "name": name})


def _add(file: Path, **values: str) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def _write_notes(weights: Path, notes: dict[str, str]) -> None:
    content = weights.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = notes
    new = json.dumps(header).encode()
    new = new.ljust(-(-len(new) // 8) * 8)
    weights.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :])
