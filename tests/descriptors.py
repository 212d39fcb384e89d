"""What a test makes this process open: other tests of it may have more, and close it meanwhile."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator


class Descriptors:
    """Those that have come since."""

    def __init__(self) -> None:
        self._before = set(_opened())

    def new(self, kind: str = "") -> list[str]:
        """Give what they lead to, where that begins so: with a folder, or `/memfd:`."""
        gc.collect()
        now = set(_opened()) - self._before
        return sorted(target for _, _, target in now if target.startswith(kind))


def _opened() -> Iterator[tuple[int, int, str]]:
    for name in os.listdir("/proc/self/fd"):
        # The one that lists them is closed by now.
        with contextlib.suppress(OSError):
            number = int(name)
            yield number, os.fstat(number).st_ino, os.readlink(f"/proc/self/fd/{name}")
