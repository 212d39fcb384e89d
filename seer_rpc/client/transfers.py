"""Files and folders on their way between this machine and a sandbox."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeAlias, TypeVar

from seer_rpc.client.workbench import PIECE, Workbench
from seer_rpc.errors import SandboxError, SeerError
from seer_runtime.wire.beneath import FOLDER, LISTED, READ, check_regular, opened
from seer_runtime.wire.parcels import Unpacker, pack, parcels
from seer_runtime.wire.pb.runtime_pb2 import Parcel

OnBytes: TypeAlias = Callable[[int], None]
"""Takes how many bytes have gone by."""

T = TypeVar("T")


def send_file(workbench: Workbench, file: Path, path: str, on_bytes: OnBytes) -> None:
    """Put a file of this machine into the sandbox, with its permissions.

    Raises:
        SandboxError: it cannot be read.
        SandboxFileError: it cannot be written.
    """
    with _telling("read", file), opened(os.open(file, READ)) as source:
        mode = stat.S_IMODE(check_regular(source, str(file)).st_mode)
        workbench.write(path, _counted(_pieces(source), len, on_bytes), mode)


def send_folder(workbench: Workbench, folder: Path, path: str, on_bytes: OnBytes) -> None:
    """Put what a folder of this machine holds into one of the sandbox.

    Raises:
        SandboxError: something in it cannot be read or is no file, or is a link that leads out.
        SandboxFileError: it cannot be written.
    """
    with _telling("read", folder), opened(os.open(folder, LISTED)) as source:
        workbench.upload(path, _counted(parcels(pack(source)), _weight, on_bytes))


def receive(workbench: Workbench, path: str, target: Path, on_bytes: OnBytes) -> Path:
    """Put a file or what a folder holds from the sandbox into this machine; gives where.

    A file goes into `target` where that is a folder. Nothing is written elsewhere.

    Raises:
        SandboxFileError: it cannot be read as a whole.
        SandboxError: it cannot be written here.
    """
    arriving = _counted(workbench.download(path), _weight, on_bytes)
    first = next(arriving, Parcel())
    is_file = bool(first.entries) and not first.entries[0].path
    if is_file and target.is_dir():
        target = target / PurePosixPath(path).name
    folder = target.parent if is_file else target
    with _telling("write", target):
        folder.mkdir(parents=True, exist_ok=True)
        with opened(os.open(folder, FOLDER)) as root:
            _unpack(root, itertools.chain([first], arriving), target.name if is_file else "")
    return target


def _unpack(root: int, arriving: Iterator[Parcel], name: str) -> None:
    """Unpack into a folder; a file that comes without a name gets this one."""
    unpacker = Unpacker(root)
    try:
        for parcel in arriving:
            for entry in parcel.entries:
                if name and not entry.path:
                    entry.path = os.fsencode(name)
            unpacker.add(parcel)
    finally:
        unpacker.close()


def _pieces(source: int) -> Iterator[bytes]:
    while data := os.read(source, PIECE):
        yield data


def _counted(items: Iterator[T], weigh: Callable[[T], int], on_bytes: OnBytes) -> Iterator[T]:
    done = 0
    for item in items:
        yield item
        done += weigh(item)
        on_bytes(done)


def _weight(parcel: Parcel) -> int:
    return sum(len(entry.content) for entry in parcel.entries)


@contextmanager
def _telling(verb: str, path: Path) -> Iterator[None]:
    """Say of this machine's files what the system says."""
    try:
        yield
    except SeerError:
        raise
    except OSError as error:
        inner = error.filename if isinstance(error.filename, str) else ""
        place = path if str(path).endswith(inner) else path / inner
        raise SandboxError(f"cannot {verb} {place}: {error.strerror}") from error
