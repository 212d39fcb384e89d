"""Load an interface file as a module, with the injected names in reach of everything it imports."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from seer_runtime.exposure import Exposed, Exposure
from seer_runtime.methods import Function
from seer_runtime.models import ModelPaths

# It may lie beside the interface files.
_RUNTIME = Path(__file__).parent
_LIBRARY = Path(os.__file__).parent
"""Python's own modules: they too may lie below the home."""


class NothingExposedError(Exception):
    """An interface file that marks no function with `@expose`."""


class Loaded(NamedTuple):
    """An interface file that has run."""

    doc: str
    exposed: Exposed
    modules: Sequence[ModuleType]
    """Its own module and those that it imported from beside it; nothing that is installed."""


def load(
    file: Path, import_paths: Sequence[str], models: ModelPaths, tools: Mapping[str, Function]
) -> Loaded:
    """Run the interface file once and give what it exposes.

    `import_paths` are searched after the file's own folder. The file and every module that it
    imports see `expose`, `get_model_path`, `list_configured_models` and the `tools` by their names
    without an import.

    Raises:
        NothingExposedError: the file ran, and exposes nothing.
        BaseException: whatever the file raises.
    """
    exposure = Exposure()
    injected = {
        "expose": exposure.expose,
        "get_model_path": models.get_model_path,
        "list_configured_models": models.list_configured_models,
        **tools,
    }
    for name, value in injected.items():
        setattr(builtins, name, value)
    _replace_editor_names(injected)
    folders = [str(file.parent), *import_paths]
    _add_import_paths(folders)
    module = _execute(file, injected)
    modules = _modules_below(folders)
    exposed = exposure.finish([each.__name__ for each in modules])
    if not exposed.functions:
        raise NothingExposedError(
            f"{file.name} exposes no function; put @expose above each function to call"
        )
    return Loaded(module.__doc__ or "", exposed, modules)


def module_name(file: Path) -> str:
    """Name the module of an interface file so that it hides no module of the standard library."""
    name = re.sub(r"\W", "_", file.stem)
    taken = keyword.iskeyword(name) or name in sys.stdlib_module_names or name == "__main__"
    if taken or not name.isidentifier():
        name = f"interface_{name}"
    return name


def _add_import_paths(folders: Sequence[str]) -> None:
    """Search `folders` before what is installed, and behind Python's own modules."""
    installed = (i for i, path in enumerate(sys.path) if path.endswith("-packages"))
    place = next(installed, len(sys.path))
    sys.path[place:place] = list(dict.fromkeys(folders))


def _execute(file: Path, injected: Mapping[str, Any]) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_name(file), file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file; interface files end in .py")
    module = importlib.util.module_from_spec(spec)
    # Some files look in their globals() for what is injected.
    vars(module).update(injected)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _modules_below(folders: Sequence[str]) -> list[ModuleType]:
    """Give the modules whose files are in `folders`, but for what was installed there."""
    below = [Path(folder).absolute() for folder in folders]
    return [
        module
        for module in list(sys.modules.values())
        # What stands in for a module may do anything when it is asked for an attribute.
        if issubclass(type(module), ModuleType)
        and isinstance(file := vars(module).get("__file__"), str)
        and any(_is_own(Path(file), folder) for folder in below)
    ]


def _is_own(file: Path, folder: Path) -> bool:
    if not file.is_relative_to(folder) or any(map(file.is_relative_to, (_RUNTIME, _LIBRARY))):
        return False
    return not any(part.endswith("-packages") for part in file.relative_to(folder).parts)


def _replace_editor_names(injected: Mapping[str, Any]) -> None:
    """Let `from seer_rpc.interface import expose` give the injected names inside a worker."""
    module = ModuleType("seer_rpc.interface")
    vars(module).update(injected)
    sys.modules[module.__name__] = module
