"""What docstrings say: of functions, of their parameters, of classes and their fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, get_origin

import griffe

from seer_runtime.wire.names import encodable

# A docstring in no known style is no one's fault.
_QUIET = {style: {"warnings": False} for style in ("google", "numpy", "sphinx")}


class Docstring:
    """A function's docstring, and what it says of each parameter, in any of the usual styles."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Read the docstring of a function."""
        self.text = encodable(inspect.getdoc(function) or "")
        self.parameters, self.result = _items(self.text) if self.text else ({}, "")


class FieldDocs:
    """What is said of a class's fields: by the class's docstring, or beside a field's hint."""

    def __init__(self, cls: Any) -> None:
        """Read the docstrings of a class and of its bases."""
        self._docs: dict[str, str] = {}
        for base in reversed(cls.__mro__):
            doc = doc_of(base)
            if doc:
                self._docs |= _items(doc)[0]
        for name, field in getattr(cls, "__pydantic_fields__", {}).items():
            if field.description:
                self._docs[name] = encodable(field.description)

    def of(self, name: str, hint: Any) -> str:
        """Give what is said of a field."""
        return noted(hint) or self._docs.get(name, "")


def noted(hint: Any) -> str:
    """Give the description that stands beside a hint: `Annotated[..., Field(description=)]`."""
    if get_origin(hint) is not Annotated:
        return ""
    # `Doc` calls it documentation.
    texts = [
        getattr(note, "description", None) or getattr(note, "documentation", None)
        for note in hint.__metadata__
    ]
    return next((encodable(text) for text in reversed(texts) if isinstance(text, str)), "")


def doc_of(cls: type) -> str:
    """Give the docstring that someone wrote for the class."""
    written = vars(cls).get("__doc__")
    doc = encodable(inspect.cleandoc(written)) if isinstance(written, str) else ""
    # What dataclass and Enum write by themselves says nothing.
    generated = doc.startswith(f"{cls.__name__}(") or doc == Enum.__doc__
    return "" if generated or cls.__module__ == "builtins" else doc


def summary_of(cls: type) -> str:
    """Give the docstring of a class without what it says of the fields."""
    doc = doc_of(cls)
    sections = griffe.Docstring(doc).parse("auto", per_style_options=_QUIET) if doc else []
    texts = (each.value for each in sections if isinstance(each, griffe.DocstringSectionText))
    return "\n\n".join(texts)


@functools.cache
def _items(text: str) -> tuple[dict[str, str], str]:
    """Give what a docstring says of each parameter or attribute, and of the result."""
    items: dict[str, str] = {}
    result = ""
    for section in griffe.Docstring(text).parse("auto", per_style_options=_QUIET):
        if isinstance(
            section, griffe.DocstringSectionParameters | griffe.DocstringSectionAttributes
        ):
            items |= {each.name.lstrip("*"): each.description for each in section.value}
        elif isinstance(section, griffe.DocstringSectionReturns):
            result = " ".join(each.description for each in section.value)
        elif isinstance(section, griffe.DocstringSectionYields):
            result = result or " ".join(each.description for each in section.value)
    return items, result
