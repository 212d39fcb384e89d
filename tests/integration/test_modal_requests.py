"""What Modal is asked for, as files that can be read: `make golden` writes them anew."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.modal_emulator.requirements import require_modal

require_modal()

from seer_rpc.client import Session  # noqa: E402
from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig, ScopedSandbox  # noqa: E402
from seer_rpc.environment.records import remove_snapshot  # noqa: E402
from tests.hub.hub import Hub  # noqa: E402
from tests.modal_emulator.log import Call, Log  # noqa: E402

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator

GOLDEN = Path(__file__).parents[1] / "golden"
CHANGED = (
    "Modal is asked for something else than the files in tests/golden say; if it is to be, write "
    "them anew with `make golden`, and read what has changed"
)
WRITES = "SEER_WRITE_GOLDEN" in os.environ

MINIMAL = Path(__file__).parents[2] / "examples" / "guide" / "minimal_rpc.py"
NAME = "google/gemma-2-9b"

_TOOLS = """
    @expose
    def up(number: int) -> int:
        return number + 1
"""

MEANWHILE = {
    *("BlobCreate", "MountBatchedCheckExistence", "MountGetOrCreate", "MountPutFile"),
    *("SandboxGetLogs", "SandboxWait", "SandboxWaitV2"),
}
"""What is asked on threads of their own, some of it again and again: files that are sent while the
image is built, and what follows the sandbox."""

_VERSION = re.compile(r"(?<===)[0-9][0-9a-z.+]*|(?<=python:)[0-9.]+")
_SANDBOX = re.compile(r"\b[0-9a-f]{16}\b")
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")


def kept(name: str, found: str) -> str:
    """Give what is kept under a name, after keeping what is found, if that is what is wanted."""
    file = GOLDEN / name
    if WRITES:
        file.write_text(found)
    return file.read_text() if file.exists() else ""


def normal(text: str) -> str:
    """Leave out what is another in each run, or on another machine."""
    known = _VERSION.sub("<version>", _COMMIT.sub("<commit>", text))
    return _SANDBOX.sub("<sandbox>", known)


def of_control_plane(calls: Iterable[Call]) -> list[str]:
    """Name the control plane's calls as they came; one that is repeated at once, once."""
    asked = (call.method for call in calls if call.service == "ModalClient")
    return [method for method, _ in itertools.groupby(asked)]


def made_of(calls: Iterable[Call]) -> str:
    """Show what says what the sandbox is to be."""
    kinds = [
        *("VolumeGetOrCreate", "ImageGetOrCreate", "MountGetOrCreate"),
        *("SandboxCreate", "SandboxCreateV2"),
    ]
    log = Log()
    log.calls = sorted(
        (call for call in calls if call.method in kinds), key=lambda call: kinds.index(call.method)
    )
    return normal(log.transcript())


def listed(methods: Iterable[str]) -> str:
    """Give lines."""
    return "".join(f"    {method}\n" for method in methods)


@pytest.mark.parametrize("gpu", ["A100", None], ids=["gpu", "cpu"])
def test_the_minimal_setup_asks_for_what_it_did(
    modal_emulator: ModalEmulator, hub: Hub, write: Callable[..., Path], gpu: str | None
) -> None:
    modal_emulator.reachable.add(hub.port)
    hub.add(NAME, {"config.json": b"{}"})
    source = MINIMAL.read_text()
    script = write(source if gpu else source.replace('gpu="A100"', "gpu=None"), "setup.py")
    write(_TOOLS, "interface.py")
    done = subprocess.run(
        [sys.executable, script],
        cwd=script.parent,
        env={**os.environ, "SEER_BACKEND": "modal"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Traceback" not in done.stderr

    calls = modal_emulator.log.calls
    asked = of_control_plane(calls)
    in_order = of_control_plane(call for call in calls if call.method not in MEANWHILE)
    found = (
        f"The calls of Modal's control plane, in their order:\n\n{listed(in_order)}\n"
        f"Meanwhile, as often as need be:\n\n{listed(sorted(MEANWHILE.intersection(asked)))}\n"
        f"What the sandbox is made of, and is:\n\n{made_of(calls)}"
    )
    assert found == kept(f"modal_minimal_rpc_{'gpu' if gpu else 'cpu'}.txt", found), CHANGED


def test_a_whole_life_needs_no_other_calls(
    modal_emulator: ModalEmulator, hub: Hub, write: Callable[..., Path], tmp_path: Path
) -> None:
    modal_emulator.reachable.add(hub.port)
    hub.add(NAME, {"config.json": b"{}"})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    interface = write(_TOOLS)
    for gpu, model in ((None, NAME), ("H100", str(tmp_path / "model"))):
        config = SandboxConfig(
            gpu=gpu,
            models=[ModelConfig(name=model)],
            python_packages=["einops"],
            detach=gpu is None,
        )
        live(config, interface)

    found = {
        service: sorted(
            {call.method for call in modal_emulator.log.calls if call.service == service}
        )
        for service in ("ModalClient", "TaskCommandRouter")
    }
    known = json.loads(kept("modal_calls.json", json.dumps(found, indent=2) + "\n"))
    for service, methods in found.items():
        assert set(methods) <= set(known[service]), CHANGED


def live(config: SandboxConfig, interface: Path) -> None:
    """Have a sandbox do what there is to do with one, and another one go on from its files."""
    with ScopedSandbox(config, backend="modal") as scoped:
        with Session(scoped.serve(interface).connection) as session:
            assert session.call("up", [1], {}) == 2
        assert len(scoped.calls()) == 1
        assert scoped.rpc_logs() is not None
        with Sandbox.from_id(scoped.sandbox_id) as attached:
            assert len(attached.calls()) == 1
        snapshot = scoped.snapshot()
    with Sandbox.from_snapshot(snapshot):
        pass
    remove_snapshot(snapshot.id)
