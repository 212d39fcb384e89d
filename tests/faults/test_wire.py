"""Over a slow wire: a large value starves neither the connection's pings nor what is small."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from seer_rpc.client.credentials import _NETWORK_OPTIONS
from tests.faults.wire import NoWireError, Wire, at

NOTICED = (
    _NETWORK_OPTIONS["grpc.keepalive_time_ms"] + _NETWORK_OPTIONS["grpc.http2.ping_timeout_ms"]
) / 1000
"""Seconds after which a connection that lets no ping through is lost."""

PROMPT = 8.0
"""Seconds in which small things happen. Behind large values they would take more than ten."""

PATIENCE = 240.0

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    try:
        with Wire() as made:
            yield made
    except NoWireError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def run_at(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a module at an end of the wire, and see to it that it ends."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "XDG_STATE_HOME": str(tmp_path_factory.mktemp("far")),
    }
    with contextlib.ExitStack() as stack:

        def run(end: str, module: str, *arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                at(end, [sys.executable, "-m", f"tests.faults.{module}", *arguments]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
                env=environment,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield run


@pytest.fixture(scope="module")
def caller(
    wire: Wire,
    run_at: Callable[..., subprocess.Popen[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """Run a program of the caller, at the other end of the wire than a sandbox."""
    connection = tmp_path_factory.mktemp("connection") / "far.json"
    sandbox = run_at(wire.far, "far_sandbox", str(connection))
    assert output(sandbox).readline() == "ready\n"
    yield lambda program, *sizes: run_at(
        wire.near, "far_caller", program, str(connection), *map(str, sizes)
    )
    sandbox.communicate(timeout=PATIENCE)


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    seen: dict[str, Any] = json.loads(printed)
    return seen


def test_large_values_both_ways_hold_up_nothing_that_is_small(wire: Wire, caller: Run) -> None:
    wire.limit("50mbit")
    seen = result(caller("transfer", 64 << 20))

    assert seen["whole"]
    assert seen["seconds"] > 2 * NOTICED
    assert seen["connections"] == 1
    for kind in ("echoes", "reports", "cancellations"):
        assert len(seen[kind]) >= 4, (kind, seen)
        assert max(seen[kind]) < PROMPT, (kind, seen)


def test_a_very_slow_connection_is_not_lost(wire: Wire, caller: Run) -> None:
    # What is in the socket takes longer than a ping may, and the ping is behind it.
    wire.limit("1mbit")
    seen = result(caller("send", 3 << 19))

    assert seen["whole"]
    assert seen["seconds"] > 2 * NOTICED
    assert seen["connections"] == 1


def test_a_wire_that_is_cut_is_noticed_and_the_call_goes_on_over_the_mended_one(
    wire: Wire, caller: Run
) -> None:
    wire.limit("50mbit")
    process = caller("wait")
    assert output(process).readline() == "calling\n"
    wire.cut()
    try:
        time.sleep(NOTICED + 1.5)
    finally:
        wire.mend()
    seen = result(process)

    assert seen["value"] == -1
    assert seen["connections"] > 1
