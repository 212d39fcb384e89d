"""Hidden models in notebooks: agents run what they like where the weights are, and find no name."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig
from seer_rpc.errors import SeerError
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_runtime.wire.hiding import files
from tests.hidden import surfaces
from tests.hidden.canary import found_in
from tests.hidden.models import of_here, of_hub
from tests.hub.hub import Hub
from tests.pids import warden_of

_CELLS = (
    "subject, subject.config, subject.peft_config, subject_tokenizer, other.config",
    "vars(subject_tokenizer), vars(other.config), other.name_or_path, dir(subject)",
    "import os; dict(os.environ), os.listdir('/models'), open('/proc/self/maps').read()",
    "import gc; [each for each in gc.get_objects() if isinstance(each, dict) and 'path' in each]",
    "%history -g",
    "from transformers import AutoModel; AutoModel.from_pretrained('/models/9')",
    "AutoModel.from_pretrained('org/nothing', local_files_only=True)",
    "import peft; peft.PeftConfig.from_pretrained('/models/1')",
    "import torch; raise torch.OutOfMemoryError('CUDA out of memory')",
)


def cells(session: NotebookSession) -> Iterator[tuple[str, str]]:
    """Give what cells show, or how they fail."""
    for code in _CELLS:
        try:
            yield code, session.exec(code).text
        except SeerError as error:
            yield code, "".join(traceback.format_exception(error))


def told_by(session: NotebookSession) -> Iterator[tuple[str, str]]:
    """Give what is said of the session, and what it keeps."""
    yield "models", session.model_info_text
    yield "session", json.dumps(session.info()) + repr(session)
    yield "notebook", json.dumps(session.notebook())


@pytest.mark.filterwarnings("ignore:HF_TOKEN")
@pytest.mark.parametrize("backend", ["local", "modal"])
def test_nothing_in_a_notebook_names_them(
    backend: str, full_hub: Hub, models: dict[str, Path], request: pytest.FixtureRequest
) -> None:
    config = SandboxConfig(models=[of_hub(), of_here(models)], secrets=["HF_TOKEN"])
    emulator = request.getfixturevalue("modal_emulator") if backend == "modal" else None
    if emulator is not None:
        emulator.reachable.add(full_hub.port)

    with Sandbox(config, backend=backend).start() as sandbox:
        root = warden_of(sandbox) if emulator is None else emulator.machine.pid
        session = create_notebook_session(sandbox, keep=False)
        shown = dict(cells(session))
        assert "PeftModelForCausalLM" in shown[_CELLS[0]]
        assert "**subject** (hidden)\n- Type: LlamaForCausalLM" in session.model_info_text
        found = surfaces.hits(iter(shown.items())) + surfaces.hits(told_by(session))
        looked = list(surfaces.files_inside(sandbox))
        assert {"history.sqlite"} & {Path(name).name for name, _ in looked}
        found += surfaces.hits(iter(looked)) + surfaces.hits(surfaces.processes(root))
        found += surfaces.hits(surfaces.written_down(sandbox))
        session.detach()
    assert not found


def _settings_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "without_names", lambda value, *_: value)


def _descriptions_name_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ModelConfig, "shown", property(lambda self: self.name))


@pytest.mark.soak
@pytest.mark.parametrize("switch", [_settings_stay, _descriptions_name_it])
def test_with_anything_left_out_a_notebook_tells(
    switch: Callable[[pytest.MonkeyPatch], None],
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch(monkeypatch)
    with Sandbox(SandboxConfig(models=[of_here(models)]), backend="local").start() as sandbox:
        session = create_notebook_session(sandbox, keep=False)
        shown = session.exec("other_tokenizer.init_kwargs, other.config").text
        assert found_in(shown + session.model_info_text)
        session.detach()
