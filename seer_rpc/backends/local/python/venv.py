"""The virtual environment of a sandbox: its own packages over those that it shares."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seer_rpc.backends.local.python.interpreter import Interpreter
from seer_rpc.backends.local.python.layers import Layers

FOLDER = ".venv"

_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PIP = """#!/bin/sh
exec "$(dirname "$0")/python" -m pip "$@"
"""


@dataclass(frozen=True)
class Venv:
    """A virtual environment as processes in its sandbox see it."""

    python: str
    """The path of its interpreter."""

    path: str
    """What PATH begins with."""

    variables: dict[str, str]
    """What it needs in the environment, PATH aside."""

    layers: Layers
    """What it shares with others."""


def make_venv(home: Path, seen_as: str, layers: Layers) -> Venv:
    """Make the virtual environment in the folder that is the sandbox's `/root`.

    Not by `python -m venv`, which takes a hundred times as long. What is installed in it comes
    first, then the layers, with what their `.pth` files add; nothing is ever written into those.
    What a sandbox that goes on from a snapshot has installed stays.

    Args:
        home: The folder on this machine. Nothing may run in it yet.
        seen_as: The path under which processes in the sandbox see it.
        layers: What it shares with others, by paths that are the same in the sandbox.
    """
    folder = home / FOLDER
    packages = _real_folder(home, *packages_folder(folder).relative_to(home).parts)
    # One line: site takes each line that begins with "import" for a program of its own.
    calls = "".join(f"; site.addsitedir({str(each)!a})" for each in layers.folders)
    _write(packages / "_shared.pth", f"import site{calls}\n")
    link_interpreter(folder, layers.interpreter)
    for name in ("pip", "pip3"):
        _write(folder / "bin" / name, _PIP, 0o755)
    seen = PurePosixPath(seen_as, FOLDER)
    return Venv(
        python=str(seen / "bin" / "python"),
        path=os.pathsep.join(map(str, [seen / "bin", *layers.scripts])),
        variables={"VIRTUAL_ENV": str(seen)},
        layers=layers,
    )


def packages_folder(folder: Path) -> Path:
    """Give where a virtual environment has its packages."""
    return folder / "lib" / _VERSION / "site-packages"


def link_interpreter(folder: Path, interpreter: Interpreter) -> Path:
    """Make a folder a virtual environment; gives its interpreter."""
    programs = _real_folder(folder.parent, folder.name, "bin")
    version = ".".join(map(str, sys.version_info[:3]))
    _write(
        folder / "pyvenv.cfg",
        f"home = {interpreter.executable.parent}\n"
        "include-system-site-packages = false\n"
        f"version = {version}\n",
    )
    for name in ("python", "python3", _VERSION):
        link = _vacant(programs / name)
        link.symlink_to(interpreter.executable)
    return programs / "python"


def _real_folder(base: Path, *names: str) -> Path:
    """Make folders, in place of links: what a sandbox left may lead anywhere."""
    folder = base
    for name in names:
        folder /= name
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
            folder.mkdir()
    return folder


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a new file, in place of one that may be a link, or shared with a snapshot."""
    with _vacant(file).open("x", encoding="utf-8") as stream:
        stream.write(text)
    file.chmod(mode)


def _vacant(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path
