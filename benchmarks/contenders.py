"""Everyone who is measured, by name."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = "seer_rpc"
OURS_TCP = "seer_rpc, gRPC/TCP"
GRPC_TCP = "raw grpcio, TCP"
GRPC_UNIX = "raw grpcio, unix"
MEMCPY = "memcpy"


@dataclass(frozen=True)
class Contender:
    """Where the code of a contender is, and what it needs."""

    module: str
    variant: str = ""
    package: str | None = None
    """What `import` must find; None for what the product needs itself."""

    @property
    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""
        if self.package is None or importlib.util.find_spec(self.package) is not None:
            return None
        return "not installed"


CONTENDERS = {
    OURS: Contender("sandbox"),
    OURS_TCP: Contender("sandbox", "tcp"),
    GRPC_TCP: Contender("grpcio", "tcp"),
    GRPC_UNIX: Contender("grpcio", "unix"),
    "RPyC": Contender("rpyc", package="rpyc"),
    "Pyro5": Contender("pyro", package="Pyro5"),
    "Ray": Contender("ray", package="ray"),
    "multiprocessing": Contender("connection"),
    "Arrow Flight": Contender("flight", "unix", "pyarrow"),
    "Arrow Flight, TCP": Contender("flight", "tcp", "pyarrow"),
    "JSON over HTTP": Contender("http_json"),
    MEMCPY: Contender("memcpy", package="numpy"),
}


@contextlib.contextmanager
def open_peer(name: str) -> Iterator[Any]:
    """Start a contender's server in a fresh process and connect; ends both afterwards.

    Gives what `benchmarks.peers.protocol` describes, as far as the contender can do it.
    """
    module = import_peer(name)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peer = module.open_peer(Path(folder), CONTENDERS[name].variant)
        with contextlib.closing(peer):
            yield peer


def import_peer(name: str) -> Any:
    """Import a contender's module, and what it needs."""
    return importlib.import_module(f"benchmarks.peers.{CONTENDERS[name].module}")
