"""The schema's types as annotations in generated source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from seer_rpc.errors import ConfigError
from seer_rpc.generators.values import is_literal_member, value_of
from seer_runtime.wire.pb.interface_pb2 import Default, Type

# How many arguments a generic type takes; Any stands where the hint gave none.
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
    # Shape and dtype.
    "numpy.ndarray": 2,
}
_KNOWN = frozenset(
    {
        *("bool", "bytes", "complex", "float", "int", "range", "str", "tuple", "torch.Tensor"),
        *("datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta"),
        *("seer_rpc.client.Media", "seer_rpc.client.Ref", "seer_rpc.client.TensorRef"),
        *("decimal.Decimal", "pathlib.Path", "pathlib.PurePath", "uuid.UUID"),
        *_ARITY,
    }
)
# numpy's own names of dtypes.
_DTYPES = {
    **{f"{kind}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"complex{bits}": f"complex{bits}" for bits in (64, 128)},
    "bool": "bool_",
}
_HEAVY = ("numpy", "torch")


class Annotations:
    """Renders types, and remembers which modules the source must import for them."""

    def __init__(
        self, taken: Collection[str], members: Collection[str], named: Collection[str]
    ) -> None:
        """Avoid the `taken` names: the interface's own, which hide builtins and imports.

        `members` are those of its enums, which may stand among the values; `named` its types.
        """
        self._taken = frozenset(taken)
        self._members = frozenset(members)
        self._named = frozenset(named)
        self._typing_names: set[str] = set()
        self._modules: set[str] = set()

    def private(self, name: str) -> str:
        """Give `name` with an underscore before it, and as many after it as make it our own."""
        # Two before it would change its meaning inside of classes.
        name = f"_{name}"
        while name in self._taken:
            name = f"{name}_"
        return name

    def imports(self) -> list[ast.stmt]:
        """Give the imports that what was rendered so far needs."""
        statements: list[ast.stmt] = []
        heavy: list[ast.stmt] = []
        for module in sorted(self._modules):
            alias = ast.alias(module, self._alias(module))
            is_heavy = module.partition(".")[0] in _HEAVY
            (heavy if is_heavy else statements).append(ast.Import([alias]))
        if heavy:
            # Annotations alone must not make a library slow to import.
            self._typing_names.add("TYPE_CHECKING")
            statements.append(ast.If(ast.Name("TYPE_CHECKING"), heavy, []))
        if self._typing_names:
            names = [ast.alias(name) for name in sorted(self._typing_names)]
            statements.insert(0, ast.ImportFrom("typing", names, 0))
        return statements

    def render(self, described: Type) -> ast.expr:
        """Give the annotation for a type.

        Raises:
            ConfigError: there is no such type.
        """
        match described.name:
            case "none":
                return ast.Constant(None)
            case "any":
                return self._typing("Any")
            case "union":
                return self._union([self.render(each) for each in described.arguments])
            case "literal":
                return self._literal(described.literals)
            case "numpy.ndarray" if described.dtype in _DTYPES and not described.arguments:
                dtype = self.qualified("numpy", _DTYPES[described.dtype])
                return _subscript(self.qualified("numpy.typing", "NDArray"), [dtype])
        base = self._name(described)
        arguments = self._arguments(described)
        return _subscript(base, arguments) if arguments else base

    def default(self, default: Default) -> ast.expr | None:
        """Give a default's value; None where only the server can make it."""
        return self.value(default.text) if default.is_literal else None

    def value(self, text: str) -> ast.expr | None:
        """Give the syntax of a literal; None where `text` is none."""
        value = value_of(text, self._members)
        return None if value is None else _Builtins(self).visit(value)

    def qualified(self, module: str, name: str) -> ast.expr:
        """Give `module.name`, and have the module imported."""
        self._modules.add(module)
        return ast.Attribute(ast.Name(self._alias(module)), name)

    def builtin(self, name: str) -> ast.expr:
        """Give a builtin, which something of the interface's may hide."""
        return self.qualified("builtins", name) if name in self._taken else ast.Name(name)

    def _literal(self, sources: Sequence[str]) -> ast.expr:
        values = [self.value(each) for each in sources]
        known = [value for value in values if value is not None and is_literal_member(value)]
        if not known or len(known) < len(values):
            return self._typing("Any")
        return _subscript(self._typing("Literal"), known)

    def _name(self, described: Type) -> ast.expr:
        module, _, name = described.name.rpartition(".")
        if described.name not in (self._named if described.named else _KNOWN):
            raise ConfigError(f"the schema names an unknown type: {described.name!r}")
        if described.named:
            return ast.Name(described.name)
        return self.qualified(module, name) if module else self.builtin(name)

    def _arguments(self, described: Type) -> list[ast.expr]:
        given = list(described.arguments)
        if described.name == "tuple" and not described.named:
            is_open = len(given) == 2 and given[1].name == "..."
            arguments = [self.render(each) for each in (given[:1] if is_open else given)]
            if is_open or not given:
                arguments = [*(arguments or [self._typing("Any")]), ast.Constant(...)]
            return arguments
        arity = 0 if described.named else _ARITY.get(described.name, 0)
        if given and len(given) != arity:
            raise ConfigError(
                f"the schema gives {described.name} {len(given)} arguments; it takes {arity}"
            )
        return [self.render(each) for each in given] or [self._typing("Any") for _ in range(arity)]

    def _alias(self, module: str) -> str:
        return self.private(module.replace(".", "_"))

    def _typing(self, name: str) -> ast.expr:
        if name in self._taken:
            return self.qualified("typing", name)
        self._typing_names.add(name)
        return ast.Name(name)

    def _union(self, members: list[ast.expr]) -> ast.expr:
        if not members:
            raise ConfigError("the schema has a union of no types")
        union, *rest = members
        for member in rest:
            union = ast.BinOp(union, ast.BitOr(), member)
        return union


class _Builtins(ast.NodeTransformer):
    """Makes calls in a value those of builtins, whatever the interface calls so."""

    def __init__(self, types: Annotations) -> None:
        self._types = types

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Replace the function's name: "float" or "set"."""
        if isinstance(node.func, ast.Name):
            node.func = self._types.builtin(node.func.id)
        return node


def _subscript(base: ast.expr, arguments: list[ast.expr]) -> ast.expr:
    index = arguments[0] if len(arguments) == 1 else ast.Tuple(arguments, ast.Load())
    return ast.Subscript(base, index, ast.Load())
