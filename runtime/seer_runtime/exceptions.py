"""The exception classes of an interface's own modules, as its schema describes them."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType

from seer_runtime.docstrings import doc_of
from seer_runtime.wire.names import encodable, qualified_name
from seer_runtime.wire.pb.interface_pb2 import ExceptionType, Type
from seer_runtime.wire.records import TypeNames


def find_exceptions(modules: Sequence[ModuleType]) -> list[type[BaseException]]:
    """Give the public exception classes that the modules define, none before its bases.

    Those that end a process are no errors of a call, and left out.
    """
    names = frozenset(module.__name__ for module in modules)
    found: dict[type, None] = {}
    for module in modules:
        _collect(module, names, found)
    public = {encodable(qualified_name(cls)): cls for cls in found if _is_public(cls)}
    return [public[name] for name in sorted(public, key=lambda name: (_depth(public[name]), name))]


def describe_exceptions(
    classes: Iterable[type[BaseException]], names: TypeNames
) -> Iterator[ExceptionType]:
    """Describe classes that `find_exceptions` gave; none gets a name that a type has."""
    own: dict[type, str] = {}
    for cls in classes:
        bases = [
            Type(name=own.get(base, base.__name__), named=base in own)
            for base in _nearest_bases(cls, own)
        ]
        own[cls] = names.reserve(cls.__name__)
        yield ExceptionType(
            name=own[cls],
            doc=doc_of(cls),
            qualified_name=encodable(qualified_name(cls)),
            bases=bases,
        )


def _collect(
    namespace: ModuleType | type, modules: frozenset[str], found: dict[type, None]
) -> None:
    """Add the namespace's classes, and those inside them, to `found`."""
    for value in list(vars(namespace).values()):
        # Not isinstance: what stands in for something else may do anything when it is asked.
        is_class = issubclass(type(value), type)
        if is_class and value not in found and value.__module__ in modules:
            found[value] = None
            _collect(value, modules, found)


def _is_public(cls: type) -> bool:
    name = cls.__name__
    if not issubclass(cls, BaseException) or issubclass(cls, SystemExit):
        return False
    is_name = name.isidentifier() and not keyword.iskeyword(name)
    # Python reads other spellings of a name as the name itself.
    return is_name and not name.startswith("_") and unicodedata.normalize("NFKC", name) == name


def _depth(cls: type) -> int:
    """Give what is more for a class than for each of its bases."""
    return len(cls.__mro__)


def _nearest_bases(cls: type, own: Mapping[type, str]) -> list[type]:
    """Give the bases that callers have too; for another base, the nearest of its own bases."""
    found = set(_known_bases(cls, own))
    # In this order, and without bases of one another, they always go together.
    return [
        base
        for base in cls.__mro__
        if base in found and not any(base in other.__mro__[1:] for other in found)
    ]


def _known_bases(cls: type, own: Mapping[type, str]) -> Iterator[type]:
    for base in cls.__bases__:
        if base in own or _is_builtin(base):
            yield base
        else:
            yield from _known_bases(base, own)


def _is_builtin(cls: type) -> bool:
    return issubclass(cls, BaseException) and vars(builtins).get(cls.__name__) is cls
