"""The package `src`, as scripts know it that were written for that name, in this process alone."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from seer_rpc.errors import ConfigError

ALIAS = "src"
_PARTS = ("environment", "workspace", "execution")
_PREFIXES = tuple(f"{ALIAS}.{part}" for part in _PARTS)


def alias_src() -> None:
    """Have `src.environment`, `src.workspace` and `src.execution` be those of this library.

    A package `src` that can be imported stays what it is, as long as it has none of the three.

    Raises:
        ConfigError: it has one: nobody could say which is meant.
    """
    for folder in _real_folders():
        for part in _PARTS:
            if (folder / part).is_dir() or (folder / f"{part}.py").is_file():
                raise ConfigError(
                    f"{folder} has a module {part!r} of its own: the script may mean that, or that "
                    "of seer_rpc",
                    hint="run it with python, if it means its own; else rename that folder",
                )
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the three under their other name, and `src` where there is none."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == ALIAS:
            # What can be imported wins.
            if PathFinder.find_spec(name) is not None:
                return None
            return ModuleSpec(name, _Empty(), is_package=True)
        if any(name == each or name.startswith(f"{each}.") for each in _PREFIXES):
            real = f"seer_rpc{name.removeprefix(ALIAS)}"
            if importlib.util.find_spec(real) is not None:
                return ModuleSpec(name, _Alias(real))
        return None


class _Empty(Loader):
    """Makes a package with nothing in it."""

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


class _Alias(Loader):
    """Gives a module that has another name."""

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._real)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It ran already; it keeps what it knows of itself."""
        module.__spec__ = self._spec


def _real_folders() -> list[Path]:
    spec = PathFinder.find_spec(ALIAS)
    return [Path(each) for each in (spec.submodule_search_locations or ())] if spec else []
