"""Models: from the name in a config to a directory of files."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seer_rpc.environment.config import ModelConfig
from seer_rpc.errors import ModelNotFoundError
from seer_rpc.locations import cache_folder
from seer_rpc.progress import status


@dataclass(frozen=True)
class ModelHandle:
    """A model that a sandbox has."""

    name: str
    """As the config names it."""

    var_name: str
    path: str
    """Its directory inside the sandbox."""

    source: str
    """Its directory on this machine."""


def find_models(configs: Iterable[ModelConfig]) -> list[ModelHandle]:
    """Find or fetch every configured model; adapters bring their base.

    Raises:
        ModelNotFoundError: one is not to be had.
    """
    handles: list[ModelHandle] = []
    for config in configs:
        for name in filter(None, (config.name, config.base_model)):
            source = _directory(name)
            path = f"/models/{len(handles)}-{_slug(name)}"
            handles.append(ModelHandle(name, config.var_name, path, str(source)))
    return handles


def _slug(name: str) -> str:
    """Name a model's folder so that a listing tells what is in it."""
    last = name.rstrip("/").rpartition("/")[2]
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in last)


def _directory(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.suffix == ".gguf" and path.is_file():
        return _converted(path.resolve())
    return _downloaded(name)


def _downloaded(name: str) -> Path:
    """Fetch a model from the Hugging Face hub, or find it in that library's cache."""
    repo, _, revision = name.partition("@")
    try:
        hub = importlib.import_module("huggingface_hub")
        problems = importlib.import_module("huggingface_hub.errors")
    except ModuleNotFoundError:
        raise ModelNotFoundError(
            f"there is no local directory {name!r}, and fetching models needs huggingface_hub",
            hint="pip install 'seer-rpc[models]'",
        ) from None
    try:
        with status(f"fetching {name}"):
            return Path(hub.snapshot_download(repo, revision=revision or None))
    except problems.GatedRepoError:
        raise ModelNotFoundError(
            f"{repo} is gated: the Hugging Face hub gives it to accounts that accepted its terms"
            f"{_without_token()}",
            hint=f"accept them at https://huggingface.co/{repo}, set HF_TOKEN and add "
            'secrets=["HF_TOKEN"]',
        ) from None
    except problems.RepositoryNotFoundError:
        raise ModelNotFoundError(
            f"no model {name!r}: it is no local directory, and the Hugging Face hub has none of "
            f"that name, or a private one{_without_token()}",
            hint='check its spelling; for a private one set HF_TOKEN and add secrets=["HF_TOKEN"]',
        ) from None
    except (problems.HfHubHTTPError, problems.HFValidationError, OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"no model {name!r}: it is no local directory, and the Hugging Face hub says: {error}",
            hint="check the id's spelling and the network; gated models need a token in HF_TOKEN",
        ) from None


def _without_token() -> str:
    return "" if os.environ.get("HF_TOKEN") else "; HF_TOKEN is not set here"


def _converted(file: Path) -> Path:
    """Convert a GGUF file once, into the cache; processes that want it at once wait."""
    state = file.stat()
    key = hashlib.sha256(f"{file}\0{state.st_size}\0{state.st_mtime_ns}".encode()).hexdigest()
    folder = cache_folder() / "models" / f"{file.stem}-{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        if not folder.exists():
            with status(f"converting {file.name}, once"):
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not folder.exists():
                    _convert(file, folder)
    return folder


def _convert(file: Path, folder: Path) -> None:
    scratch = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    # In a process of its own: this one stays free of torch.
    finished = subprocess.run(
        [sys.executable, "-P", "-m", "seer_runtime.kernel.gguf", str(file), str(scratch)],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise ModelNotFoundError(
            f"{file} cannot be converted",
            remote_traceback=finished.stderr,
            hint="pip install 'seer-rpc[models]', and check that transformers knows the model",
        )
    scratch.rename(folder)
