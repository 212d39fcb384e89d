"""Load an interface file as a module, with the injected names in reach of everything it imports."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import importlib.util
import inspect
import keyword
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, overload

from seer_runtime.models import ModelPaths
from seer_runtime.wire.names import did_you_mean

Function: TypeAlias = Callable[..., Any]

# It may lie beside the interface files.
_RUNTIME = Path(__file__).parent


class NothingExposedError(Exception):
    """An interface file that marks no function with `@expose`."""


@dataclass(frozen=True)
class Options:
    """How an exposed function is to be run."""

    concurrent: bool = False
    """Beside other calls: async functions on the shared loop, others on threads of their own."""

    batch: bool = False
    """Once for several calls, which it takes and answers as lists."""

    max_batch: int = 16
    """Calls that are taken together."""

    max_wait_ms: float = 5.0
    """Milliseconds to wait for more calls."""

    idempotent: bool = False
    """To run twice does no harm: a call that was cut off may be sent again."""

    is_async: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: it cannot.
        """
        if self.batch and self.concurrent:
            raise ValueError("@expose: a function is either concurrent or takes batches")
        if self.max_batch < 1 or self.max_wait_ms < 0:
            raise ValueError("@expose: max_batch is at least 1, max_wait_ms at least 0")


class Exposure:
    """The functions that an interface exposes, in the order of their definition."""

    def __init__(self) -> None:
        """Begin with none."""
        self.functions: dict[str, Function] = {}
        self.options: dict[str, Options] = {}

    @overload
    def expose(self, function: Function) -> Function: ...
    @overload
    def expose(self, **options: Any) -> Callable[[Function], Function]: ...
    def expose(
        self, function: Function | None = None, **options: Any
    ) -> Function | Callable[[Function], Function]:
        """Mark a function as callable from outside; gives the function itself back.

        Raises:
            TypeError: it is no function, its name cannot be called from outside, or there is no
                such option.
            ValueError: another module exposes a function of this name, or options exclude others.
        """
        if function is None:
            return functools.partial(self.expose, **options)
        name = getattr(function, "__name__", "")
        if not inspect.isroutine(function):
            raise TypeError(f"@expose marks functions; {function!r} is a {type(function).__name__}")
        if not name.isidentifier() or keyword.iskeyword(name):
            raise TypeError(f"{name!r} is no name that callers could use; expose a named function")
        other = self.functions.get(name)
        if other is not None and other.__module__ != function.__module__:
            raise ValueError(
                f"{function.__module__} and {other.__module__} both expose {name!r}; rename one"
            )
        self.options[name] = _options(function, options)
        self.functions[name] = function
        return function


class Loaded(NamedTuple):
    """An interface file that has run."""

    doc: str
    functions: Mapping[str, Function]
    options: Mapping[str, Options]
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
    if not exposure.functions:
        raise NothingExposedError(
            f"{file.name} exposes no function; put @expose above each function to call"
        )
    modules = _modules_below(folders)
    return Loaded(module.__doc__ or "", exposure.functions, exposure.options, modules)


def module_name(file: Path) -> str:
    """Name the module of an interface file so that it hides no module of the standard library."""
    name = re.sub(r"\W", "_", file.stem)
    taken = keyword.iskeyword(name) or name in sys.stdlib_module_names or name == "__main__"
    if taken or not name.isidentifier():
        name = f"interface_{name}"
    return name


def _options(function: Function, options: Mapping[str, Any]) -> Options:
    known = [each.name for each in dataclasses.fields(Options) if each.name != "is_async"]
    for name in options:
        if name not in known:
            guess = did_you_mean(name, known)
            raise TypeError(f"@expose has no option {name!r}{guess}; there are: {', '.join(known)}")
    return Options(**options, is_async=inspect.iscoroutinefunction(function))


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
    if not file.is_relative_to(folder) or file.is_relative_to(_RUNTIME):
        return False
    return not any(part.endswith("-packages") for part in file.relative_to(folder).parts)


def _replace_editor_names(injected: Mapping[str, Any]) -> None:
    """Let `from seer_rpc.interface import expose` give the injected names inside a worker."""
    module = ModuleType("seer_rpc.interface")
    vars(module).update(injected)
    sys.modules[module.__name__] = module
