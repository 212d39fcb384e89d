"""A file's declarations without its code: what `@expose` marks, and the types that it names."""

from __future__ import annotations
import __future__

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from seer_runtime.exposure import Exposure
from seer_runtime.references import Ref, TensorRef
from seer_runtime.resolution import UnresolvableError
from seer_runtime.static.declarations import OPAQUE, UNRESOLVED, Declarations, Definition
from seer_runtime.static.expressions import BUILTINS, Expressions
from seer_runtime.static.libraries import find_module
from seer_runtime.static.sources import Sources
from seer_runtime.wire.media import Media


class _Opaque:
    """Stands for a value that only the code itself can make."""

    def __call__(self, *_: object, **__: object) -> _Opaque:
        return self


class _NoType:
    """Stands for a hint that cannot be resolved, `__unresolved__[source, why]`."""

    def __getitem__(self, reason: tuple[str, str]) -> Any:
        raise UnresolvableError(*reason)


class Skeleton:
    """The declarations of one file, made into a module."""

    def __init__(
        self,
        file: Path,
        name: str,
        exposure: Exposure,
        sources: Sources,
        others: dict[str, Skeleton],
    ) -> None:
        """Read a file as the module of a name; what it marks goes to `exposure`.

        `others` are those of `sources` that were read already, by the names of their modules.

        Raises:
            SyntaxError: it is no Python.
            OSError: it cannot be read.
        """
        self._file = file
        self._exposure = exposure
        self._sources = sources
        self._others = others
        self.warnings: list[str] = []
        tree = ast.parse(file.read_bytes(), str(file))
        self.module = ModuleType(name, ast.get_docstring(tree, clean=False))
        others[name] = self
        sys.modules[self.module.__name__] = self.module
        self._names = vars(self.module)
        self._names |= {"__builtins__": dict(BUILTINS), "__file__": str(file)}
        self._names |= {OPAQUE: _Opaque(), UNRESOLVED: _NoType()}
        self._names |= {"expose": exposure.expose}
        self._names |= {"Media": Media, "Ref": Ref, "TensorRef": TensorRef}
        self._declarations = Declarations(Expressions(self._names), exposure.expose)
        for statement in _flat(tree.body):
            self._take(statement)

    def _take(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import():
                self._import(statement)
            case ast.ImportFrom():
                self._import_from(statement)
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(statement)
            case ast.Assign(targets=[ast.Name(name)], value=value):
                self._names[name] = self._declarations.value(value)
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value):
                self._names[name] = self._declarations.value(value)
            case ast.Expr(value=ast.Call(func=function, args=[ast.Name(name)])):
                if self._declarations.is_expose(function) and name in self._names:
                    self._exposure.expose(self._names[name])

    def _import(self, statement: ast.Import) -> None:
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._bind(name, self._module(alias.name if alias.asname else name), alias.name)
            if not alias.asname and "." in alias.name:
                self._module(alias.name)

    def _import_from(self, statement: ast.ImportFrom) -> None:
        source = self._source(statement)
        module = self._module(source)
        for alias in statement.names:
            value = getattr(module, alias.name, None)
            if value is None:
                value = self._module(f"{source}.{alias.name}".lstrip("."))
            self._bind(alias.asname or alias.name, value, source)

    def _source(self, statement: ast.ImportFrom) -> str:
        """Name the module that is imported from, as it is seen from this one."""
        if not statement.level:
            return statement.module or ""
        own = self.module.__name__.split(".")
        within = len(own) - statement.level + (self._file.name == "__init__.py")
        return ".".join([*own[: max(within, 0)], *filter(None, [statement.module])])

    def _bind(self, name: str, value: Any, source: str) -> None:
        if value is not None:
            self._names[name] = value
        elif name not in self._names:
            self._declarations.missing[name] = f"it is from {source}, which is not read"

    def _module(self, name: str) -> ModuleType | None:
        if name in ("seer_rpc", "seer_rpc.interface"):
            return self.module
        if name in self._others:
            return self._others[name].module
        found = self._sources.find(name)
        if found is None:
            return find_module(name)
        return self._read(found, name)

    def _read(self, file: Path, name: str) -> ModuleType:
        """Read the file of a module; a package before what is in it, as they are imported."""
        outer, _, inner = name.rpartition(".")
        package = self._module(outer) if outer else None
        if name not in self._others:
            read = Skeleton(file, name, self._exposure, self._sources, self._others)
            self.warnings += read.warnings
        module = self._others[name].module
        if package is not None:
            setattr(package, inner, module)
        return module

    def _define(self, statement: ast.ClassDef | Definition) -> None:
        bare = self._declarations.bare(statement)
        if bare is None:
            return
        flags = __future__.annotations.compiler_flag
        tree = ast.Module([bare], [])
        try:
            exec(compile(tree, str(self._file), "exec", flags, dont_inherit=True), self._names)
        except Exception as error:  # noqa: BLE001 - what the file itself would raise
            why = f"its definition cannot be read ({error})"
            self._declarations.missing[statement.name] = why
            self.warnings.append(f"{statement.name}: {why}")


def _flat(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Give what a file does in any case, and what it does in some cases."""
    for each in statements:
        match each:
            case ast.If(body=body, orelse=more) | ast.Try(body=body, handlers=_, orelse=more):
                yield from _flat(body)
                yield from _flat(more)
                for handler in getattr(each, "handlers", []):
                    yield from _flat(handler.body)
            case ast.With(body=body):
                yield from _flat(body)
            case _:
                yield each
