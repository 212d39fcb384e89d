"""Interface files of every kind that there is, with calls of their functions.

A file may hold `EXAMPLES`, a list of (function, arguments by name as JSON, result as JSON), to be
called in their order, and `FAILURES`, a list of (function, arguments, the name of the error).
"""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

_FOLDER = Path(__file__).parent


class Example(NamedTuple):
    """A call and its result; that of a stream is the list of its items."""

    function: str
    arguments: Mapping[str, Any]
    result: Any


class Failure(NamedTuple):
    """A call and the name of the error that it ends in."""

    function: str
    arguments: Mapping[str, Any]
    error: str


class InterfaceFile(NamedTuple):
    """An interface file of the corpus."""

    path: Path
    examples: Sequence[Example]
    failures: Sequence[Failure]

    @property
    def name(self) -> str:
        """Its name without the ending."""
        return self.path.stem


def interface_files() -> list[InterfaceFile]:
    """List the files, in the order of their names."""
    return [_read(path) for path in sorted(_FOLDER.glob("[!_]*.py"))]


@functools.cache
def schemas() -> Mapping[str, InterfaceSchema]:
    """Give the schema of each file by its name; they are made in another process, all together."""
    with tempfile.TemporaryDirectory() as folder:
        describe(Path(folder))
        files = sorted(Path(folder).iterdir())
        return {each.name: InterfaceSchema.FromString(each.read_bytes()) for each in files}


def describe(folder: Path, **environment: str) -> None:
    """Write the schema of each file into a folder, from a process with these variables."""
    paths = os.pathsep.join(path for path in sys.path if path)
    files = [str(each.path) for each in interface_files()]
    finished = subprocess.run(
        [sys.executable, "-m", f"{__name__}.__main__", str(folder), *files],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        cwd=_FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def _read(path: Path) -> InterfaceFile:
    constants: dict[str, list[Any]] = {"EXAMPLES": [], "FAILURES": []}
    for statement in ast.parse(path.read_bytes()).body:
        match statement:
            case ast.Assign([ast.Name(name)], value) if name in constants:
                constants[name] = ast.literal_eval(value)
    return InterfaceFile(
        path,
        [Example(*each) for each in constants["EXAMPLES"]],
        [Failure(*each) for each in constants["FAILURES"]],
    )
