"""A small echo call through the whole product, against a raw grpcio unary echo in the same run.

Run with `make bench`. Both serve from a process of their own over a unix-domain socket; rounds
alternate, and the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import msgpack

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox

VALUE = {
    "text": "a small dict",
    "layer": 20,
    "strength": 1.5,
    "tokens": [1, 2, 3],
    "chat": True,
    "none": None,
    "name": "x" * 32,
    "scores": [0.25, 0.5],
}
INTERFACE = """
@expose
def echo(value: dict) -> dict:
    return value
"""
_METHOD = "/benchmark.Echo/Echo"


def serve_raw(address: str) -> None:
    """Serve an echo as a researcher would write it by hand with grpcio."""
    handler: Any = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("benchmark.Echo", {"Echo": handler}),)
    )
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


def p50(call: Callable[[], Any], calls: int) -> float:
    """Give the median time of a call, in microseconds."""
    times = []
    for _ in range(calls):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ScopedSandbox() as scoped:
        file = Path(folder, "echo.py")
        file.write_text(INTERFACE)
        session = Session(scoped.serve(file, name="echo_tools").connection)
        address = f"unix:{folder}/raw.sock"
        server = multiprocessing.get_context("spawn").Process(target=serve_raw, args=(address,))
        server.start()
        channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(channel).result(30)
        raw_echo: Any = channel.unary_unary(_METHOD)
        contenders: dict[str, Callable[[], Any]] = {
            "raw grpcio unary": lambda: msgpack.unpackb(raw_echo(msgpack.packb(VALUE))),
            "seer_rpc": lambda: session.call("echo", [VALUE], {}),
        }
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(options.rounds + 1):
            for name, call in contenders.items():
                measured = p50(call, options.calls)
                # The first round warms up.
                times[name] += [measured] if number else []
        session.close()
        channel.close()
        server.terminate()
        server.join()
    raw, ours = (statistics.median(values) for values in times.values())
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, values in times.items():
        spread = f"{min(values):.0f} to {max(values):.0f}"
        print(f"{name:18} p50 {statistics.median(values):7.0f} us   (rounds: {spread})")
    print(f"{'ratio':18} {ours / raw:11.2f}")


if __name__ == "__main__":
    main()
