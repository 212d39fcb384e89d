"""What is too much for a notebook, in files beside it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Output: TypeAlias = dict[str, Any]
"""As nbformat has it."""

_SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "text/html": "html",
    "application/json": "json",
    "application/pdf": "pdf",
}


class Files:
    """The files of one piece of code, numbered; their folder is made with the first."""

    def __init__(self, folder: Path) -> None:
        """Begin with none."""
        self.folder = folder
        self._count = 0

    def new(self, suffix: str) -> Path:
        """Give a name that is free."""
        self._count += 1
        return self.folder / f"{self._count}.{suffix}"

    def take(self, output: Output) -> Output:
        """Give in the place of an output one that names files with its data."""
        data: Mapping[str, Any] = output["data"]
        places = [str(self._save(kind, content)) for kind, content in data.items()]
        return note(f"[too large for the notebook; in the sandbox: {', '.join(places)}]\n")

    def _save(self, kind: str, content: Any) -> Path:
        file = self.new(_SUFFIXES.get(kind, "txt"))
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_plain(kind, content))
        return file


def append(file: Path, text: str) -> None:
    """Add to a file; what does not fit on the disk is lost."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)


def put_away(outputs: Sequence[Output], file: Path) -> list[Output]:
    """Write outputs into a file; gives what stays of them: errors, and where the rest is.

    Raises:
        OSError: they cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(outputs))
    text = f"[the notebook became too large: what this cell put out is in {file}]\n"
    return [note(text), *(each for each in outputs if each["output_type"] == "error")]


def note(text: str) -> Output:
    """Give an output with words of ours."""
    return {"output_type": "stream", "name": "stderr", "text": text}


def _plain(kind: str, content: Any) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    if kind.startswith("image/") and not kind.endswith("+xml"):
        try:
            return base64.b64decode(text)
        except binascii.Error:
            pass
    return text.encode("utf-8", "backslashreplace")
