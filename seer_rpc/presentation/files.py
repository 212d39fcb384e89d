"""Files for what is too large to be shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from seer_rpc.files import whole_file

_LETTERS = 12
"""Characters of a digest in a file's name."""


def keep(content: bytes, folder: Path, stem: str, suffix: str) -> Path:
    """Keep `content` in a file of `folder`; the same content is the same file."""
    return keep_under(digest(content), folder, stem, suffix, lambda file: file.write(content))


def keep_under(
    name: str, folder: Path, stem: str, suffix: str, write: Callable[[BinaryIO], object]
) -> Path:
    """Keep what `write` writes, under a name made of `stem` and the digest `name`.

    A file that is there already counts as new, so that it is not removed for its age.
    """
    file = folder.absolute() / f"{stem}-{name[:_LETTERS]}{suffix}"
    try:
        os.utime(file)
    except OSError:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with whole_file(file) as stream:
            write(stream)
    return file


def digest(*parts: bytes | memoryview) -> str:
    """Give a digest of bytes, in hexadecimal."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(part)
    return state.hexdigest()
