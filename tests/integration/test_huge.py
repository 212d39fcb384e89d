"""More than 2 GiB in one call, and what that costs in memory. Runs alone: it takes much of it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.workspace import Library
from tests.integration.ways import DIRECT, GRPC, NETWORKED

SOURCE = """
import os

import numpy as np


@expose
def processes() -> list[int]:
    return [os.getppid(), os.getpid()]


@expose
def last(values: np.ndarray) -> int:
    return int(values[-1]) + len(values)


@expose
def make(size: int) -> np.ndarray:
    values = np.zeros(size, np.uint8)
    values[::4096] = 1
    values[-1] = 7
    return values
"""

# Each direction has a client of its own: a peak is one of a process's whole life.
CLIENT = """
import os
import sys
from pathlib import Path

import numpy as np

from seer_rpc.client import Connection, Session
from tests.integration.ways import peak

size = int(sys.argv[3])
with Session(Connection.read(Path(sys.argv[1]))) as session:
    front, worker = session.call("processes", [], {})
    idle = {pid: peak(pid) for pid in (os.getpid(), front, worker)}
    if sys.argv[2] == "there":
        values = np.zeros(size, np.uint8)
        values[::4096] = 1
        values[-1] = 7
        assert session.call("last", [values], {}) == size + 7
    else:
        values = session.call("make", [size], {})
        assert (len(values), values[-1], values[4096]) == (size, 7, 1)
    grown = {pid: (peak(pid) - idle[pid]) / size for pid in idle}
    print(grown[os.getpid()], grown[front], grown[worker])
"""

SIZE = int(2.2 * 2**30)


def available() -> int:
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) << 10


@pytest.fixture
def library(interface_file: Callable[[str], Path]) -> Iterator[tuple[ScopedSandbox, Library]]:
    with ScopedSandbox(NETWORKED) as sandbox:
        yield sandbox, sandbox.serve(interface_file(SOURCE))


# What each process may have more at its peak, in sizes of the value: client, front, worker. Shared
# memory counts for each process that looks at it: the value, and the block that it is copied to.
MOST = {
    (DIRECT, "there"): (2.1, 0.1, 1.1),
    (DIRECT, "back"): (1.1, 0.1, 2.1),
    (GRPC, "there"): (1.1, 1.1, 1.1),
    (GRPC, "back"): (1.1, 1.1, 2.1),
}


@pytest.mark.skipif(available() < 9 << 30, reason="needs 9 GiB of memory")
@pytest.mark.alone
@pytest.mark.parametrize(("way", "direction"), MOST)
def test_more_than_two_gibibytes_cross_in_one_call(
    library: tuple[ScopedSandbox, Library], tmp_path: Path, way: str, direction: str
) -> None:
    sandbox, served = library
    connect = sandbox.connection if way == DIRECT else sandbox.network_connection
    connection = tmp_path / "connection.json"
    connection.write_text(connect(served.name).to_json())
    connection.chmod(0o600)

    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CLIENT), connection, direction, str(SIZE)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert finished.returncode == 0, finished.stderr
    grown = [float(each) for each in finished.stdout.split()]
    assert all(has <= may for has, may in zip(grown, MOST[way, direction], strict=True)), grown
