"""The files that an interface file may import: beside it, or in its own package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = "__init__.py"


class Sources:
    """Finds the files of modules by their names."""

    def __init__(self, file: Path) -> None:
        """Look beside `file`, and where the package begins that it is a part of."""
        self._beside = file.parent
        outer = file.parent
        while (outer / _PACKAGE).is_file():
            self._own, outer = outer.name, outer.parent
        self._outer = outer

    _own = ""

    def find(self, name: str) -> Path | None:
        """Give the file of a module or a package; None where it is not one of these."""
        parts = name.split(".")
        if not all(map(str.isidentifier, parts)):
            return None
        # Of what lies around its package nothing else is read: that may be all that is installed.
        root = self._outer if parts[0] == self._own else self._beside
        place = root.joinpath(*parts)
        files = (place.with_name(f"{place.name}.py"), place / _PACKAGE)
        return next((each for each in files if each.is_file()), None)
