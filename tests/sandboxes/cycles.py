"""Sandboxes that start and stop, again and again: in tests a few times, in a soak often."""

from __future__ import annotations

from pathlib import Path

from seer_rpc.client import Session
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from tests.sandboxes.traces import Traces, own_temporary_folder

_WARM_UP = 3


def tools_file(folder: Path) -> Path:
    """Write an interface."""
    file = folder / "tools.py"
    file.write_text("@expose\ndef up(number: int) -> int:\n    return number + 1\n")
    return file


def cycles(count: int, backend: str, interface: Path) -> list[str]:
    """Start and stop so often, in several ways; give what is left that was not there before."""
    traces = Traces()
    with own_temporary_folder():
        # What gRPC keeps for good is there after the first ones.
        for number in range(_WARM_UP):
            _cycle(number, backend, interface, traces)
        before = traces.everything()
        for number in range(count):
            _cycle(number, backend, interface, traces)
        return traces.left_since(before)


def _cycle(number: int, backend: str, interface: Path, traces: Traces) -> None:
    with ScopedSandbox(SandboxConfig(detach=number % 3 == 0), backend=backend) as sandbox:
        traces.sandboxes.add(sandbox.sandbox_id)
        with Session(sandbox.serve(interface).connection) as session:
            assert session.call("up", [number], {}) == number + 1
        sandbox.exec("sleep 600 & setsid sleep 600 & true")
        if number % 5 == 0:
            Sandbox.from_id(sandbox.sandbox_id).terminate()
