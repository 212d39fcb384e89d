"""What libraries and skills have in common: files under a name, some of them secret."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar

from seer_rpc.workspace.installing import Parcel, check_inside


class Artefact(ABC):
    """Files that a workspace installs."""

    _kind: ClassVar[str]
    """What people call such a thing."""

    def __init__(
        self, name: str, files: Mapping[str, str], private_files: Mapping[str, str] | None
    ) -> None:
        """Take texts by file name. `private_files` hold secrets.

        Raises:
            ConfigError: a file lies outside of where it belongs.
        """
        check_inside(self._kind, name, [name, *files, *(private_files or ())])
        self.name = name
        self._files = dict(files)
        self._private_files = dict(private_files or {})

    @property
    def files(self) -> dict[str, str]:
        """Texts by file name, inside its own folder where it has one."""
        return dict(self._files)

    @property
    def private_files(self) -> dict[str, str]:
        """What only the folder's owner may read, by file name."""
        return dict(self._private_files)

    @abstractmethod
    def parcel(self) -> Parcel:
        """Give its files as they are installed."""

    def _parcel(self, root: Path, roots: Collection[Path], listing: str) -> Parcel:
        return Parcel(
            what=f"{self._kind} {self.name!r}",
            listing=listing,
            roots=roots,
            files={root / name: text for name, text in self.files.items()},
            private_files=self.private_files,
        )

    def __repr__(self) -> str:
        """Show the kind and the name."""
        return f"{type(self).__name__}({self.name!r})"
