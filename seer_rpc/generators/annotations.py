"""The schema's types as annotations in generated source."""

from __future__ import annotations

import ast
from collections.abc import Collection

from seer_rpc.errors import ConfigError
from seer_rpc.generators.values import value_of
from seer_runtime.wire.pb.interface_pb2 import Default, Type

# How many arguments a generic type takes where the hint gave none.
_ARITY = {
    "dict": 2,
    "frozenset": 1,
    "list": 1,
    "set": 1,
    "collections.abc.Collection": 1,
    "collections.abc.Iterable": 1,
    "collections.abc.Mapping": 2,
    "collections.abc.MutableMapping": 2,
    "collections.abc.MutableSequence": 1,
    "collections.abc.Sequence": 1,
    "collections.abc.Set": 1,
    # Its own arguments, shape and dtype, are not described.
    "numpy.ndarray": 2,
}
_KNOWN = frozenset(
    {
        *("bool", "bytes", "complex", "float", "int", "range", "str", "tuple", "torch.Tensor"),
        *("datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta"),
        *("seer_rpc.client.Ref", "seer_rpc.client.TensorRef"),
        *("decimal.Decimal", "pathlib.Path", "pathlib.PurePath", "uuid.UUID"),
        *_ARITY,
    }
)
_HEAVY = frozenset({"numpy", "torch"})


class Annotations:
    """Renders types, and remembers which modules the source must import for them."""

    def __init__(
        self, taken: Collection[str] = (), members: Collection[str] = (), *, aliases: bool = True
    ) -> None:
        """Avoid the `taken` names: the interface's own, which hide builtins and imports.

        `members` are those of its enums, which may stand among the values. Without `aliases`
        modules keep their names, for readers rather than for Python.
        """
        self._taken = frozenset(taken)
        self._members = frozenset(members)
        self._aliases = aliases
        self._typing_names: set[str] = set()
        self._modules: set[str] = set()

    def private(self, name: str) -> str:
        """Give `name` with as many underscores before it as make it nobody else's."""
        name = f"_{name}"
        while name in self._taken:
            name = f"_{name}"
        return name

    def imports(self) -> list[ast.stmt]:
        """Give the imports that what was rendered so far needs."""
        statements: list[ast.stmt] = []
        heavy: list[ast.stmt] = []
        for module in sorted(self._modules):
            alias = ast.alias(module, self._alias(module))
            (heavy if module in _HEAVY else statements).append(ast.Import([alias]))
        if heavy:
            # Annotations alone must not make a library slow to import.
            self._typing_names.add("TYPE_CHECKING")
            statements.append(ast.If(ast.Name("TYPE_CHECKING"), heavy, []))
        if self._typing_names:
            names = [ast.alias(name) for name in sorted(self._typing_names)]
            statements.insert(0, ast.ImportFrom("typing", names, 0))
        return statements

    def render(self, described: Type) -> ast.expr:
        """Give the annotation for a type."""
        match described.name:
            case "none":
                return ast.Constant(None)
            case "any":
                return self._typing("Any")
            case "...":
                return ast.Constant(...)
            case "union":
                return self._union([self.render(each) for each in described.arguments])
            case "literal":
                return self._literal(described)
        if not described.named and described.name not in _KNOWN:
            raise ConfigError(f"the schema names an unknown type: {described.name!r}")
        base = self._name(described)
        arguments = [self.render(each) for each in described.arguments]
        if described.name == "tuple" and not arguments:
            arguments = [self._typing("Any"), ast.Constant(...)]
        if not arguments:
            arguments = [self._typing("Any") for _ in range(_ARITY.get(described.name, 0))]
        return _subscript(base, arguments) if arguments else base

    def default(self, default: Default) -> ast.expr | None:
        """Give a default's value; None where only the server can make it."""
        return value_of(default.text, self._members) if default.is_literal else None

    def qualified(self, module: str, name: str) -> ast.expr:
        """Give `module.name`, and have the module imported."""
        self._modules.add(module)
        return ast.Attribute(ast.Name(self._alias(module)), name)

    def builtin(self, name: str) -> ast.expr:
        """Give a builtin, which something of the interface's may hide."""
        return self.qualified("builtins", name) if name in self._taken else ast.Name(name)

    def _literal(self, described: Type) -> ast.expr:
        values = [value_of(text, self._members) for text in described.literals]
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return self._typing("Any")
        return _subscript(self._typing("Literal"), known)

    def _name(self, described: Type) -> ast.expr:
        module, _, name = described.name.rpartition(".")
        if described.named:
            return ast.Name(described.name)
        return self.qualified(module, name) if module else self.builtin(name)

    def _alias(self, module: str) -> str:
        return self.private(module.replace(".", "_")) if self._aliases else module

    def _typing(self, name: str) -> ast.expr:
        if name in self._taken:
            return self.qualified("typing", name)
        self._typing_names.add(name)
        return ast.Name(name)

    def _union(self, members: list[ast.expr]) -> ast.expr:
        union, *rest = members
        for member in rest:
            union = ast.BinOp(union, ast.BitOr(), member)
        return union


def _subscript(base: ast.expr, arguments: list[ast.expr]) -> ast.expr:
    index = arguments[0] if len(arguments) == 1 else ast.Tuple(arguments, ast.Load())
    return ast.Subscript(base, index, ast.Load())
