"""The ready-made interfaces as they are served: a generated library, and JSON through MCP."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from seer_interfaces import activations, model, toolkit, workbench
from seer_interfaces.toolkit import Intervention, subjects
from seer_rpc.client import TensorRef
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.workspace import Library
from tests.integration.mcp_talk import Talk, talk
from tests.toolkit.families import byte_tokenizer, tiny

WORKBENCH = Path(inspect.getfile(workbench))
CHAT = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model as a directory."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny("gemma2").save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sandbox(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScopedSandbox]:
    config = SandboxConfig(models=[ModelConfig(name=str(folder))], env={"OMP_NUM_THREADS": "1"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.delenv("SEER_BACKEND", raising=False)
        started = ScopedSandbox(config).start()
    with started:
        yield started


@pytest.fixture(scope="module")
def library(sandbox: ScopedSandbox, import_library: Callable[[Library], ModuleType]) -> Any:
    return import_library(sandbox.serve(WORKBENCH))


@pytest.fixture(scope="module")
def talking(sandbox: ScopedSandbox) -> Iterator[Talk]:
    with talk(sandbox.serve(WORKBENCH, "mcp", "toolkit_tools")) as talking:
        yield talking


@pytest.fixture
def here(folder: Path) -> Iterator[None]:
    """The same model in this process."""
    toolkit.use(folder)
    yield
    subjects._subject = None


@pytest.mark.usefixtures("here")
def test_a_direction_that_stays_in_the_sandbox_steers_what_is_generated(library: Any) -> None:
    found = library.mean_difference(["good", "great"], ["bad", "ill"])
    steering = library.Intervention(op="add", layers="all", value=found.direction, strength=3.0)
    options: dict[str, Any] = {"max_new_tokens": 5}

    (steered,) = library.generate("hello", interventions=[steering], **options)
    (chatted,) = library.generate(CHAT, **options)

    assert isinstance(found.direction, TensorRef)
    assert found.direction.shape == (3, 32)
    expected = activations.mean_difference(["good", "great"], ["bad", "ill"])
    torch.testing.assert_close(found.direction.fetch(), expected.direction.value)
    same = Intervention("add", "all", value=expected.direction.value, strength=3.0)
    assert steered.tokens == model.generate("hello", interventions=[same], **options)[0].tokens
    assert steered.tokens != model.generate("hello", **options)[0].tokens
    assert chatted.tokens == model.generate(CHAT, **options)[0].tokens  # type: ignore[arg-type]


@pytest.mark.usefixtures("here")
def test_values_of_every_kind_cross(library: Any) -> None:
    numbers = [0.5] * 32
    given = (numbers, torch.tensor(numbers), library.extract("a", 0, keep=True))
    losses = [
        library.loss(["hello"], [library.Intervention("add", 1, value=value)])
        for value in given[:2]
    ]
    assert losses[0] == losses[1]
    patch = library.Intervention("set", 0, positions="last", value=given[2])
    patched = library.extract("b", 0, interventions=[patch])
    torch.testing.assert_close(patched, activations.extract("a", 0))
    events = list(library.stream("hello", 4))
    assert [each.token for each in events] == library.generate("hello", 4)[0].tokens
    grid = library.patch_grid("When Mary", "When John", "y", "n")
    assert grid.values.shape == (3, 10)


def test_mistakes_are_told_with_the_place(library: Any) -> None:
    with pytest.raises(ValueError, match="there is no layer 7: they are 0 to 2"):
        library.extract("hello", 7)
    wrong = library.Intervention("add", 0, value=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"interventions\[0\]: value has shape \[2\]"):
        library.generate("hello", interventions=[wrong])
    with pytest.raises(ValueError, match=r"interventions\[0\]: there is no op 'turn': add, set"):
        library.generate("hello", interventions=[library.Intervention("turn", 0)])


def test_a_model_says_the_same_in_json(library: Any, talking: Talk) -> None:
    found = talking.value("mean_difference", positive=["good", "great"], negative=["bad", "ill"])
    steering = {
        "op": "add",
        "layers": "all",
        "value": {"reference": found["direction"]["reference"]},
        "strength": 3.0,
    }
    direction = library.mean_difference(["good", "great"], ["bad", "ill"]).direction
    same = library.Intervention("add", "all", value=direction, strength=3.0)
    options: dict[str, Any] = {"inputs": "hello", "max_new_tokens": 5}

    (steered,) = talking.value("generate", interventions=[steering], **options)
    (chatted,) = talking.value("generate", inputs=CHAT, max_new_tokens=5)
    listed = {"op": "set", "layers": [0, -1], "positions": [-1], "value": [0.25] * 32}
    (told,) = talking.value("logprobs", inputs="hello", interventions=[listed])

    assert steered["tokens"] == library.generate(interventions=[same], **options)[0].tokens
    assert chatted["tokens"] == library.generate(CHAT, 5)[0].tokens
    expected = library.logprobs(
        "hello",
        interventions=[library.Intervention("set", [0, -1], "resid_post", [-1], [0.25] * 32)],
    )[0]
    assert [each["token"] for each in told["top"]] == [each.token for each in expected.top]
    error = talking.error("generate", inputs="hello", interventions=[{"op": "add", "layers": 9}])
    assert "interventions[0]: there is no layer 9" in error


def test_a_model_is_told_what_each_field_means(talking: Talk) -> None:
    schema = json.dumps(talking.tools()["generate"].input_schema)
    for told in ("value times strength is added (steering)", "Padding does not count"):
        assert told in schema
