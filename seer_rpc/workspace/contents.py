"""What files hold: bytes, or a file of this machine that is read when it is needed."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from seer_rpc.errors import ConfigError, SeerError
from seer_rpc.files import looked_from

Content: TypeAlias = bytes | Path

_SCRIPT, _PLAIN = 0o755, 0o644
_LEFT_OUT = frozenset({"__pycache__", ".git"})
"""What Python and git keep in folders of code."""


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Say in a ConfigError what the system says of this machine's files."""
    try:
        yield
    except SeerError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot {what}: {error}") from error


def mode_of(content: Content) -> int:
    """Give the permissions of a file: those of its source, and scripts can be run."""
    if isinstance(content, Path):
        return _PLAIN | (stat.S_IMODE(content.stat().st_mode) & 0o111)
    return _SCRIPT if content.startswith(b"#!") else _PLAIN


def folder_files(folder: Path, kind: str, left_out: Collection[str] = ()) -> dict[str, Path]:
    """Give the files below a folder by their paths in it, without those in folders left out.

    Raises:
        ConfigError: it is none, or something in it cannot be taken along.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no {kind} folder {folder}", hint=looked_from(folder))
    with telling(f"read the {kind} {folder}"):
        files = _walk(folder, folder.resolve(), left_out)
        found = {str(file.relative_to(folder)): file for file in files}
    for name in found:
        check_name(f"{kind} {folder}", name)
    return found


def read_folder(folder: Path, kind: str) -> dict[str, bytes]:
    """Give what the files below a folder of code hold. Raises what `folder_files` raises."""
    files = folder_files(folder, kind, _LEFT_OUT)
    with telling(f"read the {kind} {folder}"):
        return {name: file.read_bytes() for name, file in files.items()}


def apart(contents: Mapping[str, bytes]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Divide files into texts and others."""
    texts = {name: text for name, data in contents.items() if (text := _text(data)) is not None}
    return texts, {name: data for name, data in contents.items() if name not in texts}


def check_inside(kind: str, name: str, files: Mapping[str, object]) -> None:
    """Refuse files that lie outside of the library or skill that they are of.

    Raises:
        ConfigError: one does, or has a name that is none.
    """
    for file in [name, *files]:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ConfigError(f"{kind} {name!r}: {file!r} lies outside the {kind}")
        check_name(f"{kind} {name!r}", file)


def check_name(where: str, file: str) -> None:
    """Refuse a name of a file that lists cannot hold.

    Raises:
        ConfigError: it is such a name.
    """
    if "\n" in file or "\0" in file or _has_surrogates(file):
        raise ConfigError(
            f"{where}: {file!r} has characters that no name of a file should have",
            hint="rename the file",
        )


def _walk(folder: Path, root: Path, left_out: Collection[str]) -> Iterator[Path]:
    for name in sorted(os.listdir(folder)):
        each = folder / name
        if name in left_out:
            continue
        if each.is_symlink():
            _check_link(each, root)
        if each.is_dir():
            yield from _walk(each, root, left_out)
        elif each.is_file():
            yield each
        else:
            raise ConfigError(f"{each} is neither file nor folder", hint="leave it out")


def _check_link(link: Path, root: Path) -> None:
    target = link.resolve()
    if not target.is_relative_to(root) or target.is_dir():
        what = "to a folder" if target.is_dir() else "that leads out of it"
        raise ConfigError(f"{link} is a link {what}", hint="copy what it leads to, or leave it out")


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
