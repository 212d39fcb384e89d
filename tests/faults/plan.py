"""Plans: which faults hit a connection and when, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Direction(StrEnum):
    """Which way bytes go."""

    REQUEST = "request"
    """From the client to the server."""

    REPLY = "reply"
    """From the server to the client."""


class Fault(StrEnum):
    """What can happen to a connection."""

    RST_REQUEST = "rst_request"
    """Both ends are reset, in the middle of what the client sends."""

    RST_REPLY = "rst_reply"
    """Both ends are reset, in the middle of what the server sends."""

    FIN = "fin"
    """Both ends are closed in order, at any byte."""

    TRUNCATE = "truncate"
    """Half of a segment passes, then both ends are closed in order."""

    BLACKHOLE = "blackhole"
    """Everything is swallowed from now on, and nothing is closed."""

    BLACKHOLE_ONE_WAY = "blackhole_one_way"
    """Everything in one direction is swallowed from now on, and nothing is closed."""

    REFUSE = "refuse"
    """Both ends are reset, and nobody listens for a while."""

    ACCEPT_RESET = "accept_reset"
    """Both ends are reset, and so is every new connection for a while."""

    LATENCY = "latency"
    """Each segment is 20 to 150 ms late for a while."""

    DRIP = "drip"
    """512 bytes pass each 2 ms, for a while."""

    STALL = "stall"
    """Nothing passes for a while; nothing is lost."""


_SECONDS: Mapping[Fault, tuple[float, float]] = MappingProxyType(
    {
        # How long a swallowed connection outlives the end that gives it up.
        Fault.BLACKHOLE: (0.0, 5.0),
        Fault.BLACKHOLE_ONE_WAY: (0.0, 5.0),
        Fault.REFUSE: (0.02, 0.4),
        Fault.ACCEPT_RESET: (0.02, 0.4),
        Fault.LATENCY: (0.1, 0.6),
        Fault.DRIP: (0.1, 0.4),
        Fault.STALL: (0.1, 0.8),
    }
)
_DIRECTED = MappingProxyType(
    {Fault.RST_REQUEST: Direction.REQUEST, Fault.RST_REPLY: Direction.REPLY}
)


class Injection(NamedTuple):
    """One fault on its way: after `wait` seconds, and then `offset` bytes in `direction`."""

    fault: Fault
    direction: Direction
    wait: float = 0.0
    offset: int = 0
    seconds: float = 0.0
    """How long it lasts, where it does not end the connection."""


@dataclass(frozen=True)
class Plan:
    """What is done to each connection: the same for the same seed and number."""

    seed: int = 0
    weights: Mapping[Fault, float] = field(default_factory=dict)
    pace: float = 0.1
    """Mean seconds before each fault."""

    reach: int = 64 << 10
    """The most bytes that pass before each fault, once its time has come."""

    limit: int | None = None
    """Faults in all, over all connections; then everything passes."""

    def script(self, connection: int) -> Iterator[Injection]:
        """Give what happens to the connection of that number, in order and without an end."""
        draw = random.Random(f"{self.seed}/{connection}")
        while any(self.weights.values()):
            yield self._draw(draw)

    def _draw(self, draw: random.Random) -> Injection:
        (fault,) = draw.choices(list(self.weights), list(self.weights.values()))
        any_direction = draw.choice(list(Direction))
        # At a random time, after random bytes, or both. Few bytes as often as many: most of what
        # can go wrong is in the first ones.
        by_time, by_bytes = draw.choice([(True, False), (False, True), (True, True)])
        return Injection(
            fault,
            _DIRECTED.get(fault, any_direction),
            wait=draw.expovariate(1.0) * self.pace if by_time else 0.0,
            offset=int(self.reach ** draw.random()) if by_bytes else 0,
            seconds=draw.uniform(*_SECONDS.get(fault, (0.0, 0.0))),
        )


@dataclass(frozen=True)
class Directed(Plan):
    """A plan for one fault after the other on the first connection, and none on later ones."""

    injections: tuple[Injection, ...] = ()

    def script(self, connection: int) -> Iterator[Injection]:
        """Give what was asked for."""
        return iter(self.injections if connection == 1 else ())


FAULT_FREE = Plan()

NETWORK: Mapping[Fault, float] = MappingProxyType(
    {
        **dict.fromkeys(Fault, 10.0),
        # Each costs seconds until someone notices.
        Fault.BLACKHOLE: 1.5,
        Fault.BLACKHOLE_ONE_WAY: 1.5,
    }
)
"""Every fault, those that take long less often."""
