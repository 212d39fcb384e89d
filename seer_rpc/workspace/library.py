"""Libraries: Python files under one import name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seer_rpc.errors import ConfigError
from seer_rpc.files import looked_from
from seer_rpc.workspace.artefact import Artefact
from seer_rpc.workspace.contents import apart, read_folder
from seer_rpc.workspace.front_matter import TEXT, parse_skill
from seer_rpc.workspace.names import check_import_name, warn_of_hiding
from seer_rpc.workspace.parcels import Parcel
from seer_rpc.workspace.source_docs import source_docs

PACKAGE = "__init__.py"
_CODE = "code.py"


class Library(Artefact):
    """Python source that a workspace makes importable under `name`."""

    _kind = "library"

    def __init__(
        self,
        name: str,
        files: Mapping[str, str],
        docs: str = "",
        *,
        data_files: Mapping[str, bytes] | None = None,
        private_files: Mapping[str, str] | None = None,
    ) -> None:
        """Take file names and their source: `{name}.py` alone, or a package's files.

        `data_files` are those of a package that are no text. `private_files` hold secrets: a
        workspace keeps them in its `.seer` folder, readable by their owner alone.

        Raises:
            ConfigError: the name is no import name, a file lies outside the library, or several
                files are no package.
        """
        check_import_name(name)
        super().__init__(name, files, data_files, private_files)
        self._docs = docs
        names = [*files, *(data_files or ())]
        if names and names != [f"{name}.py"] and PACKAGE not in files:
            raise ConfigError(
                f"library {name!r} has neither {name}.py alone nor an {PACKAGE}: "
                f"`import {name}` would find nothing",
                hint=f"call its one file {name}.py, or add an {PACKAGE}, an empty one will do",
            )

    @classmethod
    def from_file(cls, path: str | Path, name: str | None = None) -> Library:
        """Make a library of one Python file, importable under its stem or `name`.

        Raises:
            ConfigError: there is no such file, or it cannot be imported under that name.
        """
        file = Path(path)
        if file.is_dir():
            raise ConfigError(
                f"cannot read the library file {file}: it is a folder",
                hint="Library.from_directory takes packages",
            )
        return cls._of_module(_read(file), name or file.stem)

    @classmethod
    def from_directory(cls, path: str | Path, name: str | None = None) -> Library:
        """Make a library of a package: the Python files of a folder and all others in it.

        It is importable under the folder's name, or `name`. What Python and git keep in there
        stays behind.

        Raises:
            ConfigError: it is no package, cannot be imported under that name, or has something in
                it that cannot be taken along, such as a link that leads out of it.
        """
        folder = Path(path)
        name = name or folder.absolute().name
        files, data_files = apart(read_folder(folder, "library"))
        if PACKAGE not in files:
            raise ConfigError(
                f"{folder} is no Python package: it has no {PACKAGE}",
                hint="add one, an empty one will do; Library.from_file takes single files",
            )
        library = cls(name, files, source_docs(files[PACKAGE]), data_files=data_files)
        warn_of_hiding(name)
        return library

    @classmethod
    def from_skill_dir(cls, path: str | Path) -> Library:
        """Make a library of a skill's `code.py`, with its SKILL.md as documentation.

        The skill `steering-hook` becomes `steering_hook`.

        Raises:
            ConfigError: it is no skill, or has no code.
        """
        folder = Path(path)
        told = parse_skill(_read(folder / TEXT), folder.absolute().name)
        docs = f"{told.description}\n\n{told.body}".strip()
        return cls._of_module(_read(folder / _CODE), told.name.replace("-", "_"), docs)

    @classmethod
    def from_code(cls, code: str, name: str) -> Library:
        """Make a library of source text.

        Raises:
            ConfigError: it cannot be imported under that name.
        """
        return cls._of_module(code, name)

    @classmethod
    def _of_module(cls, code: str, name: str, docs: str | None = None) -> Library:
        library = cls(name, {f"{name}.py": code}, source_docs(code) if docs is None else docs)
        warn_of_hiding(name)
        return library

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
        return [*self.files, *self.data_files] == [f"{self.name}.py"]

    def parcel(self) -> Parcel:
        """Give its files as they are installed."""
        root = Path() if self.is_single_file else Path(self.name)
        roots = [Path(self.name), Path(f"{self.name}.py")]
        return self._parcel(root, roots, f"{self.name}.files")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the library file {file}: {error}", hint=looked_from(file)
        ) from error
