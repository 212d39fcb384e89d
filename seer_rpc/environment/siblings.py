"""The modules beside an interface file that it imports, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from seer_rpc.parsing import parse_module


def sibling_files(file: Path) -> list[Path]:
    """Give the files beside `file` that it imports, directly or through one another.

    A package comes whole. What cannot be parsed is given all the same: loading will tell.
    """
    folder = file.parent
    found: dict[Path, None] = {}
    pending = [file]
    while pending:
        for name in _imported(pending.pop()):
            for sibling in _files_of(folder / name):
                if sibling != file and sibling not in found:
                    found[sibling] = None
                    pending.append(sibling)
    return list(found)


def _imported(file: Path) -> Iterator[str]:
    """Yield the first part of every imported module's name."""
    if file.suffix != ".py":
        return
    try:
        tree = parse_module(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def _files_of(module: Path) -> Iterator[Path]:
    single = module.with_name(f"{module.name}.py")
    if single.is_file():
        yield single
    elif module.is_dir():
        files = sorted(path for path in module.rglob("*") if path.is_file())
        # A folder without Python files is no package.
        if any(path.suffix == ".py" for path in files):
            yield from (path for path in files if "__pycache__" not in path.parts)
