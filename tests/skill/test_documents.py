"""Every block of code in the skill runs, as it is written; an emulated hub has its models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seer_rpc.execution import attach_notebook_session
from seer_rpc.registry import running_sandboxes
from seer_rpc.workspace.own_skill import own_skill_folder
from tests.hub.hub import Hub
from tests.hub.tiny import files_of
from tests.skill.documents import Block, Program, blocks
from tests.skill.notebook_tools import tools_of_server
from tests.toolkit.families import byte_tokenizer, tiny

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator

SKILL = own_skill_folder() / "SKILL.md"
REFERENCES = SKILL.parent / "references"
FAMILIES = {
    "google/gemma-2-9b-it": ("gemma2", 22),
    "HuggingFaceTB/SmolLM2-135M-Instruct": ("llama", 4),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, bytes]]:
    """Tiny models in the place of those that the skill names, with the layers that it names."""
    made = {}
    for name, (family, layers) in FAMILIES.items():
        folder = tmp_path_factory.mktemp(family)
        options = {"num_hidden_layers": layers, "max_position_embeddings": 2048}
        tiny(family, **options).save_pretrained(folder)
        byte_tokenizer().save_pretrained(folder)
        made[name] = files_of(folder)
    return made


@pytest.fixture
def program(
    hub: Hub,
    models: Mapping[str, Mapping[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Program]:
    """What runs documents, on this machine."""
    for name, files in models.items():
        hub.add(name, files)
    monkeypatch.setenv("SEER_BACKEND", "local")
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    with tools_of_server() as tools:
        running = Program(tmp_path, tools)
        try:
            yield running
        finally:
            running.end()


def reference(name: str) -> Iterator[Block]:
    return blocks(REFERENCES / f"{name}.md")


def test_a_session_is_set_up_and_experiments_run_in_it(program: Program) -> None:
    *begun, end = blocks(SKILL)
    assert "seer stop" in end.source

    program.run(begun)
    program.run(reference("notebooks"))
    program.run(reference("research"))
    values = [program.variables[name] for name in ("session_id", "jupyter_url")]
    session = attach_notebook_session(*values)
    cells = session.notebook()["cells"]
    session.detach()
    program.run([end])

    assert any("## Hypothesis 1" in each["source"] for each in cells)
    assert not running_sandboxes()


@pytest.mark.parametrize(
    "name",
    ["config", "interfaces", "ready-made", "sandboxes", "troubleshooting", "workspaces"],
)
def test_what_a_reference_shows_runs(program: Program, name: str) -> None:
    program.run(reference(name))


def test_what_is_shown_of_modal_runs_there(
    modal_emulator: ModalEmulator, hub: Hub, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    modal_emulator.reachable.add(hub.port)
    monkeypatch.delenv("SEER_BACKEND")
    program.run(reference("modal"))
    assert any(call.method.startswith("SandboxCreate") for call in modal_emulator.log.calls)
