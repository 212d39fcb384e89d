"""What libraries and skills have in common: files under a name, some of them secret."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar

from seer_rpc.workspace.contents import check_inside
from seer_rpc.workspace.parcels import Parcel


class Artefact(ABC):
    """Files that a workspace installs."""

    _kind: ClassVar[str]
    """What people call such a thing."""

    def __init__(
        self,
        name: str,
        files: Mapping[str, str],
        data_files: Mapping[str, bytes] | None,
        private_files: Mapping[str, str] | None,
    ) -> None:
        """Take texts by file name, and files that are no text. `private_files` hold secrets.

        Raises:
            ConfigError: a file lies outside of where it belongs.
        """
        check_inside(self._kind, name, {**files, **(data_files or {}), **(private_files or {})})
        self.name = name
        self._files = dict(files)
        self._data_files = dict(data_files or {})
        self._private_files = dict(private_files or {})

    @property
    def files(self) -> dict[str, str]:
        """Texts by file name, inside its own folder where it has one."""
        return dict(self._files)

    @property
    def data_files(self) -> dict[str, bytes]:
        """What the files hold that are no text, by file name."""
        return dict(self._data_files)

    @property
    def private_files(self) -> dict[str, str]:
        """What only the folder's owner may read, by file name."""
        return dict(self._private_files)

    @abstractmethod
    def parcel(self) -> Parcel:
        """Give its files as they are installed."""

    def _parcel(self, root: Path, roots: Collection[Path], listing: str) -> Parcel:
        contents = {name: text.encode() for name, text in self.files.items()} | self.data_files
        return Parcel(
            what=f"{self._kind} {self.name!r}",
            listing=listing,
            roots=roots,
            files={root / name: content for name, content in contents.items()},
            private_files=self.private_files,
        )

    def __repr__(self) -> str:
        """Show the kind and the name."""
        return f"{type(self).__name__}({self.name!r})"
