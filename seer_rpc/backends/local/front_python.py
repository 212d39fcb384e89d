"""What the front needs of this machine: the Python of this process, wherever that lies."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import py_compile
import site
import sys
from functools import cache
from pathlib import Path

from seer_rpc.backends.local.python.interpreter import PACKAGES

_MOST_LINKS = 40


@cache
def interpreter_folders() -> tuple[Path, ...]:
    """Give the folders of this interpreter, of its environment and of what is installed there.

    Not what else is on this process's path: that may be anything of the user's.
    """
    installed = [Path(each) for each in sys.path if Path(each).name in PACKAGES]
    prefixes = {sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix}
    found = [Path(each) for each in sorted(prefixes)] + installed
    found += [each.resolve() for each in found]
    present = sorted({each for each in found if each.is_dir()}, key=lambda each: len(each.parts))
    return tuple(each for each in present if not any(other in each.parents for other in present))


@cache
def other_packages() -> tuple[str, ...]:
    """Give the folders of packages that this interpreter does not find by itself in a sandbox."""
    found = {*site.getsitepackages()}
    return tuple(each for each in sys.path if Path(each).name in PACKAGES and each not in found)


@cache
def interpreter_links() -> tuple[Path, ...]:
    """Give what leads to the interpreter from elsewhere, link by link."""
    found = [Path(sys.executable)]
    while found[-1].is_symlink() and len(found) < _MOST_LINKS:
        found.append(found[-1].parent / found[-1].readlink())
    folders = interpreter_folders()
    return tuple(each for each in found if not any(other in each.parents for other in folders))


@cache
def runtime_folder() -> Path:
    """Give the package that runs inside a sandbox, compiled: there it cannot be written to."""
    spec = importlib.util.find_spec("seer_runtime")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    for place, _, files in os.walk(folder):
        for source in (os.path.join(place, name) for name in files if name.endswith(".py")):
            with contextlib.suppress(OSError, py_compile.PyCompileError):
                if not _is_compiled(source):
                    py_compile.compile(source, doraise=True)
    return folder


def _is_compiled(source: str) -> bool:
    try:
        compiled = os.stat(importlib.util.cache_from_source(source))
    except FileNotFoundError:
        return False
    return compiled.st_mtime >= os.stat(source).st_mtime
