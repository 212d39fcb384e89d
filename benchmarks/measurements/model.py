"""The speed that a model keeps while it streams a token for each step."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import OURS
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import seconds_of
from benchmarks.peers.model_server import ModelServer
from benchmarks.peers.sandbox import CONFIG
from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox

_INTERFACE = Path(__file__).parents[1] / "interfaces" / "model.py"
# Many short pairs: what else the machine does hits both of a pair.
_STEPS = 100
_PAIRS = 3


class _Model(NamedTuple):
    run: Callable[[int], int]
    stream: Callable[[int], Iterator[int]]


def measure(contender: str, effort: Effort) -> Measured:
    """Give steps per second without and with streaming, and the share that is kept."""
    with _open_ours() if contender == OURS else _open_peer() as model:
        model.run(_STEPS)
        pairs = [_pair(model) for _ in range(_PAIRS * effort.repeats)]
    alone, streaming = (_STEPS / statistics.median(times) for times in zip(*pairs, strict=True))
    kept = statistics.median(alone / streaming for alone, streaming in pairs)
    return Measured({"alone": alone, "streaming": streaming, "kept": kept})


def _pair(model: _Model) -> tuple[float, float]:
    def drain() -> None:
        if len(list(model.stream(_STEPS))) != _STEPS:
            raise AssertionError("tokens are missing")

    return seconds_of(lambda: model.run(_STEPS)), seconds_of(drain)


@contextlib.contextmanager
def _open_ours() -> Iterator[_Model]:
    with ScopedSandbox(CONFIG) as scoped:
        connection = scoped.serve(_INTERFACE, name="model").connection
        with Session(connection) as session:
            yield _Model(
                lambda count: int(session.call("run", [count], {})),
                lambda count: iter(session.call("stream", [count], {})),
            )


@contextlib.contextmanager
def _open_peer() -> Iterator[_Model]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = ModelServer(Path(folder))
        with contextlib.closing(server):
            yield _Model(server.run, server.stream)
