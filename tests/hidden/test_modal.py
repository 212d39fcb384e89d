"""Hidden models on Modal: volumes without names, filled from the hub or from a directory."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.backends.modal import models as modal_models
from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.errors import ModelNotFoundError
from tests.hidden import surfaces
from tests.hidden.canary import CORE, found_in
from tests.hidden.models import of_here, of_hub
from tests.hub.hub import Hub
from tests.modal_emulator.emulator import ModalEmulator

_TOOLS = """
    @expose
    def where() -> dict[str, str]:
        return list_configured_models()
"""


@pytest.fixture
def reached(full_hub: Hub, modal_emulator: ModalEmulator) -> Hub:
    """The hub, which sandboxes whose network is open reach as well."""
    modal_emulator.reachable.add(full_hub.port)
    return full_hub


def start(models: list[ModelConfig], **fields: Any) -> ScopedSandbox:
    """Start a sandbox."""
    config = SandboxConfig(models=models, **fields)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "HF_TOKEN")
        return ScopedSandbox(config, backend="modal").start()


def test_nothing_on_modal_names_them(
    reached: Hub,
    modal_emulator: ModalEmulator,
    models: dict[str, Path],
    write: Callable[..., Path],
) -> None:
    with start([of_hub(), of_here(models)], secrets=["HF_TOKEN"]) as scoped:
        file = write(_TOOLS)
        found = surfaces.hits(surfaces.artefacts(scoped, file))
        with Session(scoped.connection(file.stem)) as session:
            assert len(session.call("where", [], {})) == 3
        looked = list(surfaces.files_inside(scoped))
        assert sum(name.endswith(".safetensors") for name, _ in looked) == 3
        found += surfaces.hits(iter(looked))
        found += surfaces.hits(surfaces.written_down(scoped))
        found += surfaces.hits(surfaces.processes(modal_emulator.machine.pid))
        assert scoped.exec("env | grep TOKEN || echo none").strip() == "none"
        assert scoped.isolation.network
        ask = f"import socket; socket.create_connection(('127.0.0.1', {reached.port}), 5)"
        assert not scoped.run(["python", "-c", ask]).ok
        names = [volume.name for volume in modal_emulator.volumes.volumes.values()]
        found += [f"volume {name}" for name in names if found_in(name)]
    assert not found
    asked = len(reached.files)
    start([of_hub(), of_here(models)]).terminate()
    assert len(reached.files) == asked


def test_the_memory_of_processes_there_is_read(
    modal_emulator: ModalEmulator, write: Callable[..., Path]
) -> None:
    with ScopedSandbox(SandboxConfig(), backend="modal").start() as scoped:
        scoped.serve(write(f"kept = ['x' * 100, '{CORE}']\n@expose\ndef f() -> None: ..."))
        found = surfaces.hits(surfaces.processes(modal_emulator.machine.pid))
    assert {each.partition(" ")[0] for each in found} == {"memory"}


def test_with_anything_left_out_the_scan_finds_them_there(
    reached: Hub, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modal_models, "copy_without_names", _copy_all)
    with start([of_here(models)]) as scoped:
        assert surfaces.hits(surfaces.files_inside(scoped))


def test_errors_of_fetching_there_do_not_name_them(reached: Hub, tmp_path: Path) -> None:
    reached.add(f"org-{CORE}/pickled-{CORE}", {"config.json": b"{}", "model.bin": b"x"})
    pickled = tmp_path / f"pickled-{CORE}"
    pickled.mkdir()
    (pickled / "model.bin").write_bytes(b"x")
    for name in (f"org-{CORE}/nothing", f"org-{CORE}/pickled-{CORE}", str(pickled)):
        with pytest.raises(ModelNotFoundError) as caught:
            start([ModelConfig(name=name, hidden=True)])
        assert not found_in("".join(traceback.format_exception(caught.value)))
        assert ("cannot be hidden" in caught.value.message) == ("pickled" in name)


def _copy_all(source: Path, target: Path, _: object) -> None:
    for file in source.iterdir():
        if file.is_file():
            (target / file.name).write_bytes(file.read_bytes())
