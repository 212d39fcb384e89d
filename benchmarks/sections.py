"""What there is to measure, whom it is measured of, and the rows that come of it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contenders import GRPC_TCP, GRPC_UNIX, MEMCPY, OURS, OURS_TCP
from benchmarks.effort import FULL
from benchmarks.measurements.arrays import SIZES, figure
from benchmarks.measurements.callers import CALLERS
from benchmarks.measurements.patching import NNSIGHT
from benchmarks.measurements.pool import PAUSE
from benchmarks.measurements.stream import ITEMS
from benchmarks.rows import Row, Source, Target, at_least, at_most

_FRAMEWORKS = ("RPyC", "Pyro5", "Ray", "multiprocessing", "Arrow Flight", "JSON over HTTP")
_EVERYONE = (OURS, OURS_TCP, GRPC_TCP, GRPC_UNIX, *_FRAMEWORKS)
_CARRIERS = (OURS, MEMCPY, *_FRAMEWORKS[:-1], GRPC_UNIX)
_NETWORK = (OURS_TCP, GRPC_TCP, "Arrow Flight, TCP")
_STREAMERS = (OURS, OURS_TCP, GRPC_UNIX, GRPC_TCP, "RPyC", "Pyro5", "Ray", "multiprocessing")
_STARTERS = (OURS, GRPC_UNIX, *_FRAMEWORKS)
_IMPORTS = (OURS, "raw grpcio", *_FRAMEWORKS)
IN_PROCESS = "grpcio, one process"


@dataclass(frozen=True)
class Section:
    """Measurements that belong together."""

    about: str
    measurements: tuple[str, ...]
    """`module.function` below `benchmarks.measurements`; each is a visit of its own."""

    contenders: tuple[str, ...]
    rows: tuple[Row, ...]


def _others(contenders: tuple[str, ...], *shown: str) -> tuple[str, ...]:
    return tuple(name for name in contenders if name not in shown)


def _array_row(direction: str, size: int, target: Target) -> Row:
    name = figure(direction, size)
    return Row(
        f"float32 {direction}, {size} MiB",
        "GB/s",
        Source(OURS, name),
        Source(MEMCPY, name),
        target,
        _others(_CARRIERS, OURS, MEMCPY),
        lower_is_better=False,
    )


def _network_row(direction: str) -> Row:
    name = figure(direction, SIZES[-1])
    return Row(
        f"{SIZES[-1]} MiB {direction} over gRPC/TCP",
        "GB/s",
        Source(OURS_TCP, name),
        Source(GRPC_TCP, name),
        at_least(2.0),
        _others(_NETWORK, OURS_TCP, GRPC_TCP),
        lower_is_better=False,
    )


def _memory_row(direction: str, side: str) -> Row:
    return Row(
        f"peak memory of the {side}, {SIZES[-1]} MiB {direction}",
        "x payload",
        Source(OURS_TCP, f"{direction}, {side}"),
        target=at_most(1.2, 1.0),
        others=_others(_NETWORK, OURS_TCP),
    )


_TARGET_OF_SIZE = {1: at_least(0.2, 0.35), 64: at_least(0.5, 0.75), 512: at_least(0.7, 0.9)}

SECTIONS = {
    "echo": Section(
        "one caller, a small typed dict there and back: median time of a call",
        ("echo.measure",),
        _EVERYONE,
        (
            Row(
                "small call, same host",
                "µs",
                Source(OURS, "p50"),
                Source(GRPC_TCP, "p50"),
                at_most(0.10, 0.04),
                _others(_EVERYONE, OURS, OURS_TCP, GRPC_TCP),
            ),
            Row(
                "small call over gRPC/TCP",
                "µs",
                Source(OURS_TCP, "p50"),
                Source(GRPC_TCP, "p50"),
                at_most(1.0, 0.75),
            ),
        ),
    ),
    "callers": Section(
        f"{CALLERS} threads that make small calls at once: calls per second",
        ("callers.measure",),
        _EVERYONE,
        (
            Row(
                f"{CALLERS} callers, same host",
                "calls/s",
                Source(OURS, "calls"),
                Source(GRPC_TCP, "calls"),
                at_least(8, 15),
                _others(_EVERYONE, OURS, GRPC_TCP),
                lower_is_better=False,
            ),
        ),
    ),
    "arrays": Section(
        "float32 arrays of 1, 64 and 512 MiB as an argument and as a result, against memcpy",
        ("arrays.measure",),
        _CARRIERS,
        tuple(
            _array_row(direction, size, _TARGET_OF_SIZE[size])
            for size in SIZES
            for direction in ("argument", "result")
        ),
    ),
    "empty": Section(
        "a 512 MiB result that was made in shared memory, against a small call",
        ("empty.measure",),
        (OURS,),
        (
            Row(
                f"{SIZES[-1]} MiB result made with empty()",
                "µs",
                Source(OURS, "large"),
                Source(OURS, "small call"),
                at_most(3.0, 1.5),
            ),
        ),
    ),
    "network": Section(
        "512 MiB arrays over gRPC on TCP, and the memory that they take",
        ("arrays.measure_largest", "memory.measure_argument", "memory.measure_result"),
        _NETWORK,
        (
            *map(_network_row, ("argument", "result")),
            *(
                _memory_row(direction, side)
                for direction in ("argument", "result")
                for side in ("client", "server")
            ),
        ),
    ),
    "stream": Section(
        f"a generator of {ITEMS:,} small items, against a gRPC message for each",
        ("stream.measure",),
        _STREAMERS,
        (
            Row(
                f"stream of {ITEMS:,} small items",
                "items/s",
                Source(OURS, "items"),
                Source(GRPC_UNIX, "items"),
                at_least(15, 30),
                _others(_STREAMERS, OURS, GRPC_UNIX),
                lower_is_better=False,
            ),
        ),
    ),
    "model": Section(
        "the speed that a model keeps while it streams a token for each step of 2 ms",
        ("model.measure",),
        (OURS, IN_PROCESS),
        (
            Row(
                "model speed kept while streaming",
                "of its speed",
                Source(OURS, "kept"),
                target=at_least(0.90, 0.97),
                others=(IN_PROCESS,),
                lower_is_better=False,
            ),
        ),
    ),
    "generate": Section(
        "a real language model that answers: through a sandbox, against in process",
        ("generate.measure",),
        (OURS,),
        (
            Row(
                "a language model's answer, against in process",
                "of its time",
                Source(OURS, "ratio"),
                target=at_most(1.05, 1.01),
            ),
        ),
    ),
    "patching": Section(
        "a grid of patches of a real model: one call, a call for each cell, nnsight in process",
        ("patching.measure",),
        (OURS, NNSIGHT),
        (
            Row(
                "a grid of patches in one call",
                "s",
                Source(OURS, "grid"),
                Source(OURS, "single calls"),
                at_most(0.8, 0.5),
            ),
            Row(
                "a grid of patches through a sandbox",
                "s",
                Source(OURS, "grid"),
                Source(NNSIGHT, "grid"),
                at_most(1.1, 1.0),
            ),
        ),
    ),
    "extraction": Section(
        f"activations of {FULL.prompts} prompts: through a sandbox, against in process",
        ("extraction.measure",),
        (OURS,),
        (
            Row(
                "activations of many prompts, against in process",
                "of its time",
                Source(OURS, "ratio"),
                target=at_most(1.1, 1.0),
            ),
        ),
    ),
    "import": Section(
        "a process that imports a generated library, against one that does nothing",
        ("imports.measure",),
        _IMPORTS,
        (
            Row(
                "import of a generated library",
                "ms",
                Source(OURS, "import"),
                Source(OURS, "bare python"),
                at_most(2.5, 1.6),
                _others(_IMPORTS, OURS),
            ),
        ),
    ),
    "start": Section(
        "a runtime's start until it answers its first control call, against a grpcio server's",
        ("start.measure",),
        _STARTERS,
        (
            Row(
                "start of the runtime, first control call",
                "ms",
                Source(OURS, "start"),
                Source(GRPC_UNIX, "start"),
                at_most(1.3, 1.0),
                _others(_STARTERS, OURS, GRPC_UNIX),
            ),
            Row(
                "start, serve, first call of a function",
                "ms",
                Source(OURS, "first call"),
                Source(GRPC_UNIX, "start"),
            ),
        ),
    ),
    "pool": Section(
        f"items of {PAUSE * 1e3:.0f} ms each, in a pool of two sandboxes, against one",
        ("pool.measure",),
        (OURS,),
        (
            Row(
                "map over two sandboxes, against one",
                "items/s",
                Source(OURS, "two"),
                Source(OURS, "one"),
                at_least(1.8, 1.95),
                lower_is_better=False,
            ),
        ),
    ),
    "sandbox": Section(
        "the start of a bare sandbox, against a process that imports grpc; and its end",
        ("start.measure_sandbox",),
        (OURS,),
        (
            Row(
                "start of a bare sandbox",
                "ms",
                Source(OURS, "sandbox"),
                Source(OURS, "import grpc"),
                at_most(3.0, 2.0),
            ),
            Row(
                "what isolation adds to that",
                "ms",
                Source(OURS, "isolation"),
                target=at_most(30, 15),
            ),
            Row(
                "from its owner's death until nothing is left",
                "ms",
                Source(OURS, "end"),
                target=at_most(1000, 300),
            ),
        ),
    ),
}
