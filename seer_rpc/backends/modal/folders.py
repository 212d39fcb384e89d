"""Folders that a sandbox begins with: sent as one archive each, links and all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import modal

from seer_rpc.archives import pack_folder
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
            with archive.open("wb") as file:
                pack_folder(Path(source), file)
            sandbox.filesystem.copy_from_local(str(archive), _ARCHIVE)
        unpacking = sandbox.exec("python", "-I", "-c", _UNPACK, _ARCHIVE, path)
        if unpacking.wait() != 0:
            raise SandboxStartError(
                f"{path} cannot be put into the sandbox",
                log=unpacking.stderr.read().splitlines(),
            )
