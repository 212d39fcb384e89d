"""Libraries of sessions in this process and its children: found, imported anew, forgotten."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType

from seer_rpc.client import RemoteInterface

_VARIABLE = "PYTHONPATH"


def search(folder: Path) -> None:
    """Have this process look there first for what it imports, and the Pythons that it starts."""
    leave(folder)
    sys.path.insert(0, str(folder))
    os.environ[_VARIABLE] = searching(folder)
    importlib.invalidate_caches()


def searching(folder: Path) -> str:
    """Give the variable that has another Python look there first."""
    return os.pathsep.join([str(folder), *_without(folder, os.environ.get(_VARIABLE, ""))])


def leave(folder: Path) -> None:
    """Have nobody look there any more."""
    sys.path[:] = [each for each in sys.path if each != str(folder)]
    if _VARIABLE in os.environ:
        kept = _without(folder, os.environ[_VARIABLE])
        os.environ[_VARIABLE] = os.pathsep.join(kept)
        if not kept:
            del os.environ[_VARIABLE]


def forget(names: Collection[str], folder: Path | None = None) -> None:
    """Have libraries imported anew, whichever session they were imported from.

    With a folder those alone that were imported from there.
    """
    is_chosen: Callable[[str], bool] = lambda name: name.partition(".")[0] in names  # noqa: E731
    for name in [*filter(is_chosen, sys.modules)]:
        module = sys.modules[name]
        if folder is None or _is_below(module, folder):
            for value in getattr(sys.modules.pop(name), "__dict__", {}).values():
                if isinstance(value, RemoteInterface):
                    value.close()


def _without(folder: Path, path: str) -> list[str]:
    return [each for each in path.split(os.pathsep) if each not in ("", str(folder))]


def _is_below(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)
