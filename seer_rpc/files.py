"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(file: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open what replaces `file` at the block's end, unless the block raises.

    Nobody reads half of it, and nobody whom `mode` does not let.
    """
    # Other threads may be writing the same file.
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        scratch.replace(file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write_whole(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, never readable by more than `mode` says."""
    with whole_file(file, mode) as stream:
        stream.write(content)
