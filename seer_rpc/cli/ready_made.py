"""The interface files that come with this library, by their names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PACKAGE = "seer_interfaces"


def interface_path(text: str) -> str:
    """Give the path of an interface: a file, or one that comes with this library, by its name.

    What is neither is given as it is; whoever opens it tells.
    """
    if Path(text).exists() or not text.isidentifier():
        return text
    found = importlib.util.find_spec(f"{_PACKAGE}.{text}")
    is_file = found is not None and not found.submodule_search_locations
    return str(found.origin) if found is not None and is_file else text


def names() -> list[str]:
    """Name those that there are."""
    spec = importlib.util.find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = (file for folder in folders or () for file in Path(folder).glob("[a-z]*.py"))
    return sorted(file.stem for file in files if not file.stem.endswith("_demo"))
