"""Workspaces: a bundle of libraries, and how it is put into a folder."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.workspace.library import Library

PRIVATE = ".seer"


@dataclass
class Workspace:
    """What a session works with."""

    libraries: list[Library] = field(default_factory=list)

    def get_library_docs(self) -> str:
        """Give the documentation of all libraries, one after the other."""
        documented = [library for library in self.libraries if library.docs]
        return "\n\n".join(f"## {library.name}\n\n{library.docs}" for library in documented)

    def install(self, folder: Path) -> None:
        """Write every library into `folder`, in place of what an earlier one left there."""
        folder.mkdir(parents=True, exist_ok=True)
        for library in self.libraries:
            _install(library, folder)


def _install(library: Library, folder: Path) -> None:
    files = library.files
    package = folder / library.name
    if package.is_dir() and not package.is_symlink():
        shutil.rmtree(package)
    root = folder if library.is_single_file else package
    for name, text in files.items():
        _write(root / name, text, 0o644)
    if library.private_files:
        private = folder / PRIVATE
        private.mkdir(mode=0o700, exist_ok=True)
        _write(private / ".gitignore", "*\n", 0o600)
        for name, text in library.private_files.items():
            _write(private / name, text, 0o600)


def _write(file: Path, text: str, mode: int) -> None:
    """Write a file whole or not at all, never readable by more than `mode` says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    scratch.replace(file)
