"""Models: what a config names, and what a backend makes of that."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from seer_rpc.errors import ModelFetchError, ModelNotFoundError
from seer_rpc.files import locked
from seer_rpc.locations import cache_folder
from seer_rpc.progress import status
from seer_runtime.wire.hiding import Names

_LONGEST_SLUG = 100


@dataclass(frozen=True)
class ModelSource:
    """What a config names: files of this machine, or a repository of the Hugging Face hub."""

    name: str
    path: Path | None = None
    """The directory or GGUF file of this machine; None for a repository."""

    alias: str = ""
    """What a hidden model is called in its name's place; empty for one that may be named."""

    hidden: Names | None = None
    """The names that a hidden model's files are not to have."""

    @classmethod
    def parse(cls, name: str, alias: str = "", hidden: Names | None = None) -> Self:
        """Tell which it is: what there is on this machine comes first."""
        path = Path(name).expanduser()
        is_here = path.is_dir() or (path.suffix == ".gguf" and path.is_file())
        return cls(name, path.resolve() if is_here else None, alias, hidden)

    @property
    def shown(self) -> str:
        """What people are told that it is."""
        return repr(self.name) if self.hidden is None else f"the hidden one ({self.alias})"

    def masked(self, text: object) -> str:
        """Give what others say of it, as it may be told."""
        return str(text) if self.hidden is None else self.hidden.mask(str(text))

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


def model_folder(source: ModelSource) -> Path:
    """Give the directory that a directory or GGUF file of this machine stands for.

    Raises:
        ModelNotFoundError: the file cannot be converted.
    """
    assert source.path is not None
    return source.path if source.path.is_dir() else _converted(source, source.path)


@contextlib.contextmanager
def masking(source: ModelSource) -> Iterator[None]:
    """Have what goes wrong in the block name nothing that is hidden."""
    try:
        yield
    except (ModelNotFoundError, ModelFetchError) as error:
        if source.hidden is None:
            raise
        raise type(error)(source.masked(error.message), hint=source.masked(error.hint)) from None


def not_hidden(source: ModelSource, error: Exception) -> ModelNotFoundError:
    """Say why a model cannot be hidden."""
    return ModelNotFoundError(
        f"{source.shown} cannot be hidden: {source.masked(error)}",
        hint="have transformers load and save it anew, with save_pretrained(): that writes "
        "safetensors",
    )


def _converted(source: ModelSource, file: Path) -> Path:
    """Convert a GGUF file once, into the cache; processes that want it at once wait."""
    state = file.stat()
    key = hashlib.sha256(f"{file}\0{state.st_size}\0{state.st_mtime_ns}".encode()).hexdigest()
    folder = cache_folder() / "models" / f"{file.stem}-{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        lock = folder.with_name(f"{folder.name}.lock")
        with status(f"converting {source.masked(file.name)}, once"), locked(lock):
            if not folder.exists():
                _convert(source, file, folder)
    return folder


def _convert(source: ModelSource, file: Path, folder: Path) -> None:
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
            f"{source.masked(file)} cannot be converted",
            remote_traceback=source.masked(finished.stderr),
            hint="pip install 'seer-rpc[models]', and check that transformers knows the model",
        )
    scratch.rename(folder)
