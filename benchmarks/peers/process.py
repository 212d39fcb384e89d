"""A peer's server, in a fresh process."""

from __future__ import annotations

import subprocess
import sys


class ServerProcess:
    """Runs `python -m MODULE ARGUMENTS` until it is closed."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it, and wait until it says where it listens.

        Raises:
            RuntimeError: it ended instead.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError(f"the server ended with status {self._process.wait()}")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def announce(address: str) -> None:
    """Say, in a server, that it listens, and where."""
    print(address, flush=True)
