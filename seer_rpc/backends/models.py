"""Models: what a config names, and what a backend makes of that."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from seer_rpc.errors import ModelNotFoundError
from seer_rpc.files import locked
from seer_rpc.locations import cache_folder
from seer_rpc.progress import status

_LONGEST_SLUG = 100


@dataclass(frozen=True)
class ModelSource:
    """What a config names: files of this machine, or a repository of the Hugging Face hub."""

    name: str
    path: Path | None = None
    """The directory or GGUF file of this machine; None for a repository."""

    @classmethod
    def parse(cls, name: str) -> Self:
        """Tell which it is: what there is on this machine comes first."""
        path = Path(name).expanduser()
        is_here = path.is_dir() or (path.suffix == ".gguf" and path.is_file())
        return cls(name, path.resolve() if is_here else None)

    @property
    def repo(self) -> str:
        """The repository's id."""
        return self.name.partition("@")[0]

    @property
    def revision(self) -> str | None:
        """What is wanted of it; None for what its main branch has."""
        return self.name.partition("@")[2] or None


@dataclass(frozen=True)
class FoundModel:
    """A model that a backend has."""

    location: str
    """Where: a directory of this machine, or the name of a volume on Modal."""

    commit: str = ""
    """The commit of its repository; empty for files of this machine."""


def model_slug(name: str) -> str:
    """Name a model's folder so that a listing tells what is in it."""
    last = name.rstrip("/").rpartition("/")[2]
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in last)
    return plain[:_LONGEST_SLUG]


def model_folder(path: Path) -> Path:
    """Give the directory that a directory or GGUF file of this machine stands for.

    Raises:
        ModelNotFoundError: the file cannot be converted.
    """
    return path if path.is_dir() else _converted(path)


def _converted(file: Path) -> Path:
    """Convert a GGUF file once, into the cache; processes that want it at once wait."""
    state = file.stat()
    key = hashlib.sha256(f"{file}\0{state.st_size}\0{state.st_mtime_ns}".encode()).hexdigest()
    folder = cache_folder() / "models" / f"{file.stem}-{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        lock = folder.with_name(f"{folder.name}.lock")
        with status(f"converting {file.name}, once"), locked(lock):
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
