"""What heads files of safetensors: their own notes may say where the weights are from."""

from __future__ import annotations

import json
from pathlib import Path

_LENGTH = 8
_LONGEST = 100 << 20
"""Bytes, as in the library."""

_NOTES = "__metadata__"
_FORMAT = "format"


def clean_header(file: Path) -> bytes | None:
    """Give how the file is to begin, in as many bytes; None where it names nothing.

    Raises:
        ValueError: it is no such file.
    """
    with file.open("rb") as stream:
        begin = stream.read(_LENGTH)
        length = int.from_bytes(begin, "little")
        if len(begin) < _LENGTH or length > _LONGEST:
            raise ValueError("it has no header of safetensors")
        header = json.loads(stream.read(length))
    notes = header.get(_NOTES, {})
    if set(notes) <= {_FORMAT}:
        return None
    header[_NOTES] = {name: each for name, each in notes.items() if name == _FORMAT}
    # Offsets count from the header's end: it stays where it was.
    return begin + json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(
        length
    )
