"""What unit tests share: Python in a process of its own, modules made from source."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from hypothesis import settings

settings.register_profile("unit", deadline=None, database=None)
settings.load_profile("unit")


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., str]:
    """Run code in a fresh interpreter; gives what it prints."""

    def run(code: str, **environment: str) -> str:
        finished = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            cwd=tmp_path,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Make a module of indented source, as an interface file would be."""

    def define_module(source: str, name: str = "an_interface") -> ModuleType:
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(
            compile(textwrap.dedent(source), f"{name}.py", "exec", dont_inherit=True), vars(module)
        )
        return module

    return define_module


@pytest.fixture
def functions_of() -> Callable[[ModuleType], Mapping[str, FunctionType]]:
    """Give the public functions that a module defines."""

    def functions(module: ModuleType) -> Mapping[str, FunctionType]:
        return {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, FunctionType)
            and value.__module__ == module.__name__
            and not name.startswith("_")
        }

    return functions
