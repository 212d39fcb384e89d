"""Volumes of Modal's with models: one for each model and revision, whole when a file says so."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import modal

from seer_rpc.backends.modal.deadlines import asked, within_unless_given_up
from seer_rpc.backends.models import ModelSource, model_slug
from seer_rpc.errors import ModelFetchError, ModelNotFoundError
from seer_rpc.files import own_key, write_whole
from seer_rpc.locations import cache_folder, state_folder
from seer_rpc.progress import show_detail
from seer_rpc.sizes import show_size
from seer_runtime.wire.fetches import MARKER

_SENDING = 12 * 3600.0
_LONGEST_SLUG = 30
_DIGITS = 24


class FileState(NamedTuple):
    """What tells whether a file has changed."""

    path: str
    size: int
    changed: int


class Content(NamedTuple):
    """What a directory has."""

    files: list[FileState]
    digest: str


def volume_name(source: ModelSource, name: str, content: str) -> str:
    """Name the volume for a model with that content, in no more than Modal's 64 characters."""
    if source.hidden is not None:
        return _opaque_name(f"{content}\0{source.hidden.configured}")
    digest = hashlib.sha256(content.encode()).hexdigest()[:_DIGITS]
    return f"seer-{model_slug(name)[:_LONGEST_SLUG]}-{digest}"


def _opaque_name(content: str) -> str:
    """Name a volume so that nobody can tell what is in it, who tries what might be."""
    key = own_key(state_folder() / "volumes.key")
    return f"seer-{hmac.new(key, content.encode(), hashlib.sha256).hexdigest()[:_DIGITS]}"


def mounted(name: str) -> modal.Volume:
    """Give a volume as sandboxes have it: read-only."""
    return modal.Volume.from_name(name).with_mount_options(read_only=True)


def make_volume(name: str) -> modal.Volume:
    """Give a volume, made where there is none."""
    return asked(modal.Volume.from_name(name, create_if_missing=True).hydrate)


def is_whole(volume: modal.Volume) -> bool:
    """Tell whether all that is to be in a volume has arrived."""
    return any(entry.path.strip("/") == MARKER for entry in asked(partial(volume.listdir, "/")))


def read_content(folder: Path) -> Content:
    """Tell what a directory has; files are read once for as long as all stay the same.

    Raises:
        ModelNotFoundError: they cannot be read.
    """
    files = _states(folder)
    key = hashlib.sha256(repr([str(folder), *files]).encode()).hexdigest()[:_DIGITS]
    note = cache_folder() / "models" / f"{key}.digest"
    if not note.is_file():
        digest = _digest(folder, files)
        note.parent.mkdir(parents=True, exist_ok=True)
        write_whole(note, digest.encode())
    return Content(files, note.read_text())


def read_files(folder: Path) -> Content:
    """Tell which files a directory has, and nothing of what they say."""
    return Content(_states(folder), "")


def send(folder: Path, content: Content, volume: modal.Volume) -> None:
    """Have in a volume what a directory of this machine has.

    Two who do so at once do the same. What has arrived once is not sent again.

    Raises:
        ModelFetchError: it takes too long, or the directory has changed.
    """
    show_detail(f"sending {show_size(sum(each.size for each in content.files))}, once")
    try:
        within_unless_given_up(_SENDING, partial(_put, volume, folder, content.files))
    except TimeoutError:
        raise ModelFetchError(
            f"{folder} was not sent to Modal within {_SENDING / 3600:.0f} h",
            hint="start again: files that have arrived are not sent again",
        ) from None
    except OSError as error:
        raise ModelFetchError(
            f"{folder} cannot be sent to Modal: {error}",
            hint="start again: files that have arrived are not sent again",
        ) from error
    if _states(folder) != content.files:
        raise ModelFetchError(
            f"{folder} changed while it was sent to Modal",
            hint="start again when nothing writes to it",
        )
    asked(partial(_mark, volume, folder))


def _digest(folder: Path, files: Sequence[FileState]) -> str:
    digest = hashlib.sha256()
    for each in files:
        show_detail(f"reading {each.path}")
        digest.update(f"{each.path}\0{_file_digest(folder / each.path)}\0".encode())
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelNotFoundError(
            f"{path} cannot be read: {error.strerror}",
            hint="all files of a model's directory are sent to Modal",
        ) from None


def _states(folder: Path) -> list[FileState]:
    return sorted(_each_state(folder))


def _each_state(folder: Path) -> Iterator[FileState]:
    for file in folder.rglob("*"):
        if file.is_file() and file.name != MARKER:
            status = file.stat()
            path = str(file.relative_to(folder))
            yield FileState(path, status.st_size, status.st_mtime_ns)


def _put(volume: modal.Volume, folder: Path, files: Sequence[FileState]) -> None:
    with volume.batch_upload(force=True) as batch:
        for file in files:
            batch.put_file(folder / file.path, f"/{file.path}")


def _mark(volume: modal.Volume, folder: Path) -> None:
    with volume.batch_upload(force=True) as batch:
        batch.put_file(io.BytesIO(f"{folder}\n".encode()), f"/{MARKER}")
