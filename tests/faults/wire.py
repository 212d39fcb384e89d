"""A slow wire between two ends that have nothing else: two network namespaces of this machine.

Needs root and iproute2's `ip` and `tc`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

FAR_ADDRESS = "192.0.2.1"
_NEAR_ADDRESS = "192.0.2.2"
_DEVICE = "wire"


class NoWireError(Exception):
    """This machine does not allow it; the message says why."""


class Wire:
    """A pair of network devices, each alone in a namespace."""

    def __init__(self) -> None:
        """Prepare it.

        Raises:
            NoWireError: it cannot be made here.
        """
        if shutil.which("ip") is None or shutil.which("tc") is None:
            raise NoWireError("needs the commands ip and tc: apt-get install iproute2")
        if os.getuid() != 0:
            raise NoWireError("only root makes network namespaces")
        run = f"seer-{os.getpid()}-{secrets.token_hex(3)}"
        self.near = f"{run}-near"
        self.far = f"{run}-far"
        self._namespaces = contextlib.ExitStack()

    def limit(self, rate: str) -> None:
        """Have both ends send at this rate, as `tc` reads it."""
        for end in (self.near, self.far):
            queue = ("tbf", "rate", rate, "burst", "64kb", "latency", "100ms")
            _run("tc", "-n", end, "qdisc", "replace", "dev", _DEVICE, "root", *queue)

    def cut(self) -> None:
        """Let nothing through any more."""
        _run("ip", "-n", self.far, "link", "set", _DEVICE, "down")

    def mend(self) -> None:
        """Let everything through again."""
        _run("ip", "-n", self.far, "link", "set", _DEVICE, "up")

    def __enter__(self) -> Self:
        """Make it."""
        with contextlib.ExitStack() as made:
            for namespace in (self.near, self.far):
                _make_namespace(namespace)
                made.callback(_run, "ip", "netns", "delete", namespace)
            self._join()
            self._namespaces = made.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Remove it, once nothing runs at its ends."""
        self._namespaces.close()

    def _join(self) -> None:
        pair = ("name", _DEVICE, "netns", self.near, "type", "veth", "peer")
        _run("ip", "link", "add", *pair, "name", _DEVICE, "netns", self.far)
        for end, address in ((self.near, _NEAR_ADDRESS), (self.far, FAR_ADDRESS)):
            _run("ip", "-n", end, "address", "add", f"{address}/24", "dev", _DEVICE)
            _run("ip", "-n", end, "link", "set", "lo", "up")
            _run("ip", "-n", end, "link", "set", _DEVICE, "up")


def at(end: str, command: Sequence[str]) -> list[str]:
    """Give the command that runs another one at this end."""
    return ["ip", "netns", "exec", end, *command]


def _make_namespace(name: str) -> None:
    try:
        _run("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        raise NoWireError(f"no network namespaces here: {error.stderr.strip()}") from error


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
