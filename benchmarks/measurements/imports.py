"""What it costs a script to import a client."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contenders import OURS
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import seconds_of
from benchmarks.peers.sandbox import CALLS, CONFIG
from seer_rpc.environment import ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

STATEMENTS = {
    OURS: "import calls",
    "raw grpcio": "import grpc",
    "RPyC": "import rpyc",
    "Pyro5": "import Pyro5.api",
    "Ray": "import ray",
    "multiprocessing": "import multiprocessing.connection",
    "Arrow Flight": "import pyarrow.flight",
    "JSON over HTTP": "import urllib.request, json",
}
_HEAVY = ("grpc", "torch")


def measure(contender: str, effort: Effort) -> Measured:
    """Give the wall time of a whole process that imports, and of one that does nothing, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        if contender == OURS:
            _generate_library(folder)
        statement = STATEMENTS[contender]
        _run(statement, folder)
        pairs = [
            (seconds_of(lambda: _run("pass", folder)), seconds_of(lambda: _run(statement, folder)))
            for _ in range(3 * effort.repeats)
        ]
        loaded = _run(
            f"{statement}\nimport sys\nprint(*[n for n in {_HEAVY} if n in sys.modules])", folder
        )
    bare, imported = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
    remarks = [f"imports {' and '.join(loaded.split()) or 'neither grpc nor torch'}"]
    return Measured({"import": imported, "bare python": bare}, remarks if contender == OURS else [])


def _generate_library(folder: str) -> None:
    with ScopedSandbox(CONFIG) as scoped:
        create_local_session(Workspace(libraries=[scoped.serve(CALLS, name="calls")]), folder)


def _run(code: str, folder: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(folder), capture_output=True, text=True
    ).stdout
