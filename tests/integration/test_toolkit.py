"""The ready-made interfaces as they are served: a generated library, and JSON through MCP."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from seer_interfaces import activations, diff, model, toolkit, workbench
from seer_interfaces.toolkit import Intervention, subjects
from seer_rpc.client import TensorRef
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.environment.served import ServedLibrary
from seer_rpc.environment.sources import describe_source
from seer_rpc.errors import InterfaceError
from seer_rpc.workspace import Library
from tests.integration import alike
from tests.integration.alike import as_argument
from tests.integration.mcp_talk import Talk, talk
from tests.toolkit.families import byte_tokenizer, tiny
from tests.toolkit.test_sae import written
from tests.toolkit.verbs import VERBS

WORKBENCH = Path(inspect.getfile(workbench))
pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)
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
    models = [ModelConfig(str(folder)), ModelConfig(written(folder.with_name("sae")), "sae")]
    config = SandboxConfig(models=models, env={"OMP_NUM_THREADS": "1"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.delenv("SEER_BACKEND", raising=False)
        started = ScopedSandbox(config).start()
    with started:
        yield started


@pytest.fixture(scope="module")
def served(sandbox: ScopedSandbox) -> ServedLibrary:
    return sandbox.serve(WORKBENCH)


@pytest.fixture(scope="module")
def library(served: ServedLibrary, import_library: Callable[[Library], ModuleType]) -> Any:
    return import_library(served)


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


def test_the_source_alone_tells_the_same(served: ServedLibrary) -> None:
    """`seer describe --static` finds what the other files of the package expose."""
    read = describe_source(WORKBENCH)
    assert not read.warnings
    assert read.hash == served.schema.hash


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


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_takes_interventions_from_a_library_and_in_json(
    library: Any, talking: Talk, name: str
) -> None:
    steering = {"op": "add", "layers": [1], "value": [0.5] * 32, "strength": 3.0}

    def by_library(name: str, **arguments: Any) -> Any:
        value = getattr(library, name)(**arguments)
        return list(value) if isinstance(value, Iterator) else value

    def in_json(name: str, **arguments: Any) -> Any:
        return as_argument(talking.value(name, **arguments))

    found = []
    for typed_one, same in ([], []), ([library.Intervention(**steering)], [steering]):
        arguments = VERBS[name](by_library)
        found.append(alike.typed(by_library(name, **arguments, interventions=typed_one)))
        told = alike.told(talking.value(name, **VERBS[name](in_json), interventions=same))
        alike.assert_alike(found[-1], told)
    if name not in ("mean", "activation_diff"):
        # Those stay in the sandbox; what is told of them is the same.
        assert found[0] != found[1]


def test_a_model_is_told_what_each_field_means(talking: Talk) -> None:
    schema = json.dumps(talking.tools()["generate"].input_schema)
    for told in ("value times strength is added (steering)", "Padding does not count"):
        assert told in schema


def test_conversations_stay_in_the_sandbox(library: Any, talking: Talk) -> None:
    kept = library.start("S")
    first = library.send(kept, "hi", max_new_tokens=3)
    assert library.transcript(library.fork(kept))[-1]["content"] == first.text

    number = talking.value("start", system="S")["reference"]
    kept_there = {"reference": number}
    told = talking.value("send", conversation=kept_there, message="hi", max_new_tokens=3)
    assert told["text"] == first.text
    left = talking.value("rollback", conversation=kept_there)
    assert left == [{"role": "system", "content": "S"}]


def test_probes_go_there_and_back(library: Any, talking: Talk) -> None:
    texts = {"positive": ["aa", "ba", "ca", "da"], "negative": ["az", "bz", "cz", "dz"]}
    (probe,) = library.train_probes(**texts, layers=1)
    (scores,) = library.probe_scores(probe, "xa")
    steering = library.probe_intervention(probe, "clamp", 3.0)
    (told,) = talking.value("train_probes", **texts, layers=1)
    told["direction"] = {"reference": told["direction"]["reference"]}

    assert len(scores) == 1
    assert library.generate("x", 2, interventions=[steering])
    ((score,),) = talking.value("probe_scores", probe=told, inputs="xa")
    assert score == pytest.approx(scores[0], rel=1e-4)


def test_an_adapter_is_served_beside_its_base(
    folder: Path, tmp_path: Path, import_library: Callable[[Library], ModuleType]
) -> None:
    adapted = get_peft_model(tiny("gemma2"), LoraConfig(r=2, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, each in adapted.named_parameters():
            if "lora_B" in name:
                each.normal_(std=0.5)
    adapted.save_pretrained(str(tmp_path / "adapter"))
    adapter = ModelConfig(name=str(tmp_path / "adapter"), is_peft=True, base_model=str(folder))
    file = Path(inspect.getfile(diff))
    with ScopedSandbox(SandboxConfig(models=[adapter])) as sandbox:
        served: Any = import_library(sandbox.serve(file))
        assert served.variants() == ["base", "default"]
        (found,) = served.compare("hello", max_new_tokens=2)
    assert max(found.divergences) > 0


@pytest.mark.parametrize("count", [0, 2])
def test_a_sandbox_without_one_model_says_what_to_do(folder: Path, count: int) -> None:
    models = [ModelConfig(str(folder), f"model_{number}") for number in range(count)]
    if count == 2:
        other = folder.with_name("other")
        shutil.copytree(folder, other, dirs_exist_ok=True)
        models[1] = ModelConfig(str(other), "other")
    wanted = f"the sandbox has {count}: configure one"
    with (
        ScopedSandbox(SandboxConfig(models=models)) as sandbox,
        pytest.raises(InterfaceError, match=wanted),
    ):
        sandbox.serve(inspect.getfile(model))


def test_one_of_several_models_is_named(
    folder: Path, import_library: Callable[[Library], ModuleType]
) -> None:
    other = folder.with_name("third")
    tiny("gpt2").save_pretrained(other)
    byte_tokenizer().save_pretrained(other)
    models = [ModelConfig(str(folder), "first"), ModelConfig(str(other), "second")]
    config = SandboxConfig(models=models, env={"SEER_MODEL": str(other)})
    with ScopedSandbox(config) as sandbox:
        served: Any = import_library(sandbox.serve(inspect.getfile(model)))
        assert served.info().max_positions == 128
        assert served.info().parameters == sum(each.numel() for each in tiny("gpt2").parameters())


@pytest.mark.usefixtures("here")
def test_ready_made_interfaces_are_served_on_modal(
    modal_emulator: object, folder: Path, import_library: Callable[[Library], ModuleType]
) -> None:
    config = SandboxConfig(models=[ModelConfig(name=str(folder))], env={"OMP_NUM_THREADS": "1"})
    with ScopedSandbox(config, backend="modal") as sandbox:
        served: Any = import_library(sandbox.serve(inspect.getfile(model), name="there"))
        (said,) = served.generate("hello", max_new_tokens=3)

    (expected,) = model.generate("hello", max_new_tokens=3)
    assert said.text == expected.text
