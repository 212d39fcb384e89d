"""Folders that a sandbox begins with: sent as one archive each, links and all."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import modal

from seer_rpc.errors import SandboxStartError

_ARCHIVE = "/tmp/seer-folder.tar"
_UNPACK = """
import os, sys, tarfile
archive, target = sys.argv[1:]
if not os.path.lexists(target):
    with tarfile.open(archive) as files:
        files.extractall(target, filter="fully_trusted")
os.unlink(archive)
"""


def send_folders(sandbox: modal.Sandbox, folders: Mapping[str, str]) -> None:
    """Put folders in, by their paths there; what is there already stays.

    Raises:
        SandboxStartError: one cannot be put there.
    """
    for path, source in folders.items():
        with tempfile.TemporaryDirectory(prefix="seer-") as scratch:
            archive = Path(scratch, "folder.tar")
            _pack(Path(source), archive)
            sandbox.filesystem.copy_from_local(str(archive), _ARCHIVE)
        unpacking = sandbox.exec("python", "-I", "-c", _UNPACK, _ARCHIVE, path)
        if unpacking.wait() != 0:
            raise SandboxStartError(
                f"{path} cannot be put into the sandbox",
                log=unpacking.stderr.read().splitlines(),
            )


def _pack(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, "w") as files:
        for entry in sorted(folder.iterdir()):
            files.add(entry, entry.name, filter=_owned_by_root)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
