"""The last lines that a sandbox's processes printed, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
from collections import deque
from typing import BinaryIO

_MAX_LINES = 5_000
_MAX_LINE = 4_096
_MAX_FILE = 8 << 20


class LastLine:
    """The newest line of one process."""

    text: str = ""


class BoundedLog:
    """Keeps the newest lines, and repeats each on standard error for who keeps that."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)

    def append(self, line: str) -> None:
        """Add one line; an overlong one is cut."""
        if len(line) > _MAX_LINE:
            line = f"{line[:_MAX_LINE]} [{len(line) - _MAX_LINE} more characters]"
        self._lines.append(line)
        _repeat(line)

    def last(self, count: int) -> list[str]:
        """Give the newest `count` lines, oldest first."""
        return list(self._lines)[-count:] if count > 0 else []

    async def follow(self, output: BinaryIO, last: LastLine) -> None:
        """Add what a process prints until everyone has closed the output; keep `last` current."""
        stream = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), output
        )
        with contextlib.closing(transport):
            await self._follow(stream, last)

    async def _follow(self, stream: asyncio.StreamReader, last: LastLine) -> None:
        rest = b""
        while chunk := await stream.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.append(_text(line))
            last.text = _text((rest or lines[-1])[-_MAX_LINE:])
            if len(rest) > _MAX_LINE:
                self.append(_text(rest))
                rest = b""
        if rest:
            self.append(_text(rest))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


def _repeat(line: str) -> None:
    with contextlib.suppress(OSError):
        status = os.fstat(2)
        if stat.S_ISREG(status.st_mode) and status.st_size > _MAX_FILE:
            os.ftruncate(2, 0)
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
