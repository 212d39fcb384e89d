"""Libraries: Python files under one import name."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seer_rpc.errors import ConfigError
from seer_rpc.workspace.artefact import Artefact
from seer_rpc.workspace.installing import Parcel


class Library(Artefact):
    """Python source that a workspace makes importable under `name`."""

    _kind = "library"

    def __init__(
        self,
        name: str,
        files: Mapping[str, str],
        docs: str = "",
        *,
        private_files: Mapping[str, str] | None = None,
    ) -> None:
        """Take file names and their source: `{name}.py` alone, or a package's files.

        `private_files` hold secrets. A workspace keeps them in its `.seer` folder, readable by
        their owner alone.

        Raises:
            ConfigError: the name is no import name, or a file lies outside the library.
        """
        check_import_name(name)
        super().__init__(name, files, private_files)
        self._docs = docs

    @classmethod
    def from_file(cls, path: str | Path, name: str | None = None) -> Library:
        """Make a library of one Python file, importable under its stem or `name`.

        Raises:
            ConfigError: there is no such file.
        """
        file = Path(path)
        name = name or file.stem
        try:
            return cls(name, {f"{name}.py": file.read_text(encoding="utf-8")})
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the library file {file}: {error}") from error

    @classmethod
    def from_code(cls, code: str, name: str) -> Library:
        """Make a library of source text."""
        return cls(name, {f"{name}.py": code})

    @property
    def docs(self) -> str:
        """What there is to know about the library."""
        return self._docs

    @property
    def mcp_servers(self) -> dict[str, Any]:
        """What a client's configuration says of MCP servers with the same functions, by name."""
        return {}

    @property
    def is_single_file(self) -> bool:
        """Whether this is one module and no package."""
        return list(self.files) == [f"{self.name}.py"]

    def parcel(self) -> Parcel:
        """Give its files as they are installed."""
        root = Path() if self.is_single_file else Path(self.name)
        roots = [Path(self.name), Path(f"{self.name}.py")]
        return self._parcel(root, roots, f"{self.name}.files")


def check_import_name(name: str) -> None:
    """Refuse a name that cannot be imported, or that would hide a module of Python's own.

    Raises:
        ConfigError: it is such a name.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r} cannot be imported",
            hint="give name= a word of letters, digits and underscores",
        )
    if name in sys.stdlib_module_names:
        raise ConfigError(
            f"a library called {name!r} would hide Python's own module", hint="give another name="
        )
