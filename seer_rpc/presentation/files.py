"""Files for what is too large to be shown."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_LETTERS = 12
"""Characters of a digest in a file's name."""


def keep(content: bytes, folder: Path, stem: str, suffix: str) -> Path:
    """Keep `content` in a file of `folder`; the same content is the same file."""
    return keep_under(digest(content), folder, stem, suffix, lambda file: file.write(content))


def keep_under(
    name: str, folder: Path, stem: str, suffix: str, write: Callable[[BinaryIO], object]
) -> Path:
    """Keep what `write` writes, under a name made of `stem` and the digest `name`."""
    file = folder.absolute() / f"{stem}-{name[:_LETTERS]}{suffix}"
    if not file.exists():
        write_private(file, write)
    return file


def write_private(file: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that nobody else can read, and of which nobody sees half."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Threads of one process may write the same file at once.
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
        scratch.replace(file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def digest(*parts: bytes | memoryview) -> str:
    """Give a digest of bytes, in hexadecimal."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(part)
    return state.hexdigest()
