"""Evidence: what ran, told by those who ran it, in a file that no client and no front touches."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

VARIABLE = "SEER_EVIDENCE"
"""Tells the witness, in its environment, where to write."""

INTERFACE = Path(__file__).with_name("witness.py")


class Evidence:
    """A file with a line, `KEY PID`, for each execution."""

    def __init__(self, file: Path) -> None:
        """Begin with none."""
        self.file = file
        file.touch()

    def runs(self) -> Counter[str]:
        """Count the executions of each key."""
        return Counter(line.partition(" ")[0] for line in self.file.read_text().splitlines())

    def last_pid(self) -> int:
        """Give the process that ran something last; 0 where none has."""
        with self.file.open("rb") as file:
            file.seek(max(0, self.file.stat().st_size - 200))
            lines = file.read().split(b"\n")
        return int(lines[-2].rpartition(b" ")[2]) if len(lines) > 1 else 0

    def settle(self, quiet: float = 1.0, patience: float = 15.0) -> None:
        """Wait until nothing has run for a while: a call that was given up may run late."""
        deadline = time.monotonic() + patience
        size, since = -1, time.monotonic()
        while (now := time.monotonic()) - since < quiet and now < deadline:
            if (current := self.file.stat().st_size) != size:
                size, since = current, now
            time.sleep(0.02)
