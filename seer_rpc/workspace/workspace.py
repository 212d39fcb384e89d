"""Workspaces: a bundle of libraries, and how it is put into a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.errors import ConfigError
from seer_rpc.locations import PRIVATE_FOLDER
from seer_rpc.workspace.library import Library


@dataclass
class Workspace:
    """What a session works with."""

    libraries: list[Library] = field(default_factory=list)

    def get_library_docs(self) -> str:
        """Give the documentation of all libraries, one after the other."""
        docs = {library.name: library.docs for library in self.libraries}
        return "\n\n".join(f"## {name}\n\n{text}" for name, text in docs.items() if text)

    def install(self, folder: Path) -> None:
        """Write every library into `folder`, in place of what an earlier `install` left there.

        Raises:
            ConfigError: something that was not installed is in the way.
        """
        folder.mkdir(parents=True, exist_ok=True)
        private = folder / PRIVATE_FOLDER
        if private.is_symlink() or (private.exists() and not private.is_dir()):
            raise ConfigError(f"{private} is in the way: it must be a folder of its own")
        private.mkdir(exist_ok=True)
        private.chmod(0o700)
        _write(private / ".gitignore", "*\n", 0o600)
        for library in self.libraries:
            _install(library, folder, private)


def _install(library: Library, folder: Path, private: Path) -> None:
    root = Path() if library.is_single_file else Path(library.name)
    files = {root / name: text for name, text in library.files.items()}
    listing = private / f"{library.name}.files"
    ours = _listed(listing, library.name)
    for file in files:
        _check_way(library.name, folder, file, ours)
    for stale in ours - files.keys():
        (folder / stale).unlink(missing_ok=True)
    # Listed before it is written: what an interruption leaves is known to be ours.
    _write(listing, "".join(f"{file}\n" for file in sorted(files.keys() | ours)), 0o600)
    for file, text in files.items():
        _write(folder / file, text, 0o644)
    _write(listing, "".join(f"{file}\n" for file in sorted(files)), 0o600)
    for name, text in library.private_files.items():
        _write(private / name, text, 0o600)


def _listed(listing: Path, name: str) -> set[Path]:
    """Give the files that an earlier installation wrote: nothing that a library could not have."""
    lines = listing.read_text().splitlines() if listing.exists() else []
    files = {Path(line) for line in lines}
    return {
        file
        for file in files
        if file.parts[:1] in ((name,), (f"{name}.py",)) and ".." not in file.parts
    }


def _check_way(name: str, folder: Path, file: Path, ours: set[Path]) -> None:
    parents = [folder / parent for parent in file.parents if parent != Path()]
    ways = [way for way in parents if way.is_symlink() or (way.exists() and not way.is_dir())]
    if file not in ours and (folder / file).exists():
        ways.append(folder / file)
    if ways:
        raise ConfigError(
            f"{ways[0]} is in the way of library {name!r}, which did not write it",
            hint="give the library another name=, or use another workspace_dir",
        )


def _write(file: Path, text: str, mode: int) -> None:
    """Write a file whole or not at all, never readable by more than `mode` says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    scratch.replace(file)
