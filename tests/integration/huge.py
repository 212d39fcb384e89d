"""One huge value crosses: whether it came whole, and what it cost in memory.

A crossing has processes of its own: a peak is one of a process's whole life. Run as a module, this
is the client of one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.client import Connection, Session
from seer_rpc.environment import ScopedSandbox
from tests.integration.huge_numbers import is_whole, make
from tests.integration.ways import DIRECT, GRPC, NETWORKED, peak

THERE, BACK = DIRECTIONS = ("there", "back")
CROSSINGS = [(way, direction) for way in (DIRECT, GRPC) for direction in DIRECTIONS]

# How often each process may have the value at its peak. Shared memory counts for each process that
# looks at it: the value, and the block that it is copied to.
_COPIES = {
    (DIRECT, THERE): {"client": 2, "front": 0, "worker": 1},
    (DIRECT, BACK): {"client": 1, "front": 0, "worker": 2},
    (GRPC, THERE): {"client": 1, "front": 1, "worker": 1},
    (GRPC, BACK): {"client": 1, "front": 1, "worker": 2},
}

_CHUNKS = 128 << 20
"""Bytes that a process may have beyond that: chunks on their way, and memory to deal with them."""

_PATIENCE = 600.0

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Crossing:
    """What one showed."""

    way: str
    direction: str
    size: int
    is_whole: bool
    grown: dict[str, int] = field(default_factory=dict)
    """Bytes that each process had more at its peak than before."""

    error: str = ""

    @property
    def beyond(self) -> dict[str, int]:
        """Bytes that each process had beyond the value, as often as it may have that."""
        copies = _COPIES[self.way, self.direction]
        return {name: grown - copies[name] * self.size for name, grown in self.grown.items()}

    @property
    def is_bounded(self) -> bool:
        """Whether no process had too much."""
        return all(size <= _CHUNKS for size in self.beyond.values())

    def __str__(self) -> str:
        """Say it in a line."""
        memory = ", ".join(f"{name} {size >> 20:+} MiB" for name, size in self.beyond.items())
        whole = "whole" if self.is_whole else f"not whole {self.error}"
        return f"{self.size / 2**30:.1f} GiB {self.way} {self.direction}: {whole}; {memory}"


def available() -> int:
    """Give the bytes of memory that nobody needs."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) << 10


def needed(size: int) -> int:
    """Give the bytes of memory that it takes to have a value of this size cross."""
    return max(sum(copies.values()) for copies in _COPIES.values()) * size + (1 << 30)


def cross(way: str, direction: str, size: int) -> Crossing:
    """Have a value of `size` bytes, a multiple of 8, cross as an argument or as a result."""
    # The client looks up the processes by the numbers that they know of themselves.
    config = dataclasses.replace(NETWORKED, isolation="none")
    with ScopedSandbox(config) as sandbox, tempfile.TemporaryDirectory() as folder:
        library = sandbox.serve(Path(__file__).with_name("huge_numbers.py"))
        connect = sandbox.connection if way == DIRECT else sandbox.network_connection
        connection = Path(folder, "connection.json")
        connection.touch(0o600)
        connection.write_text(connect(library.name).to_json())
        finished = subprocess.run(
            [sys.executable, "-m", __name__, connection, direction, str(size)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    if finished.returncode:
        return Crossing(way, direction, size, is_whole=False, error=finished.stderr)
    return Crossing(way, direction, size, **json.loads(finished.stdout))


def main(connection: str, direction: str, size: int) -> None:
    """Be the client."""
    with Session(Connection.read(Path(connection))) as session:
        front, worker = session.call("processes", [], {})
        processes = {"client": os.getpid(), "front": front, "worker": worker}
        idle = {name: peak(pid) for name, pid in processes.items()}
        if direction == THERE:
            came = session.call("is_whole", [make(size), size], {})
        else:
            came = is_whole(session.call("make", [size], {}), size)
        grown = {name: peak(pid) - idle[name] for name, pid in processes.items()}
    sys.stdout.write(json.dumps({"is_whole": came, "grown": grown}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
