"""Interface files as they were when a pool first served them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from seer_rpc.environment.siblings import sibling_files
from seer_rpc.environment.uploads import check_source


class KeptSources:
    """Copies of interface files and of what they import from beside them.

    A sandbox that comes later serves what the others serve, whatever was written since.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._folder = tempfile.TemporaryDirectory(prefix="seer-pool-", ignore_cleanup_errors=True)
        self._folders: dict[Path, Path] = {}
        """Where the copies are of what lies in a folder."""

    def keep(self, file: Path) -> Path:
        """Copy a file; gives the copy.

        Raises:
            InterfaceMissingError: there is no such file.
            InterfaceSyntaxError: it is not Python.
        """
        check_source(file)
        new = Path(self._folder.name, str(len(self._folders)))
        folder = self._folders.setdefault(file.parent, new)
        for each in (file, *sibling_files(file)):
            copy = folder / each.relative_to(file.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(each, copy)
        return folder / file.name

    def remove(self) -> None:
        """Remove them all."""
        self._folder.cleanup()
