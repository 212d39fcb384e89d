"""A Ray actor on this host, arrays through Ray's object store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import Echo
from benchmarks.values import LAST, Array, items, make_array

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray

_STORE = 4 << 30


class RayPeer:
    """One actor, which threads share."""

    def __init__(self) -> None:
        """Start Ray and the actor."""
        ray.init(
            num_cpus=os.cpu_count(),
            include_dashboard=False,
            object_store_memory=_STORE,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        self._actor = ray.remote(Actor).remote()

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        return lambda value: ray.get(self._actor.echo.remote(value))

    def take(self, array: Array) -> float:
        """Send an array through the object store."""
        return float(ray.get(self._actor.take.remote(array)))

    def prepare(self, count: int) -> None:
        """Have the actor make an array."""
        ray.get(self._actor.prepare.remote(count))

    def give(self) -> float:
        """Bring the array here through the object store."""
        return float(ray.get(self._actor.give.remote())[-1])

    def stream(self, count: int) -> Iterator[Any]:
        """Give items, one object each."""
        generator = self._actor.stream.options(num_returns="streaming").remote(count)
        return map(ray.get, generator)

    def close(self) -> None:
        """End Ray."""
        ray.shutdown()


class Actor:
    """What the actor does."""

    def echo(self, value: Any) -> Any:
        """Give the value back."""
        return value

    def take(self, array: Array) -> float:
        """Give the last element."""
        return float(array[-1])

    def prepare(self, count: int) -> None:
        """Make the array that `give` gives."""
        self._prepared = make_array(count)
        assert self._prepared[-1] == LAST

    def give(self) -> Array:
        """Give the array that was prepared."""
        return self._prepared

    def stream(self, count: int) -> Iterator[Any]:
        """Stream items."""
        yield from items(count)


def open_peer(_: Path, __: str) -> RayPeer:
    """Open it."""
    return RayPeer()
