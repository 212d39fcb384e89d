"""Models in kernels: loaded before the first cell, described, loaded again after a restart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig
from seer_rpc.errors import ModelLoadError
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_rpc.workspace import Workspace
from tests.notebooks import seed_snippets
from tests.notebooks.tiny_models import make_adapter, make_model
from tests.sandboxes.places import shared_sandbox

BOTH = ("namespace", "modal")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module", params=BOTH)
def sandbox(
    request: pytest.FixtureRequest, tiny: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """A sandbox with two models and a hidden adapter."""
    folder = tmp_path_factory.mktemp("models")
    adapter = make_adapter(folder / "secret-adapter", tiny)
    models = [
        ModelConfig(name=tiny),
        ModelConfig(name=make_model(folder / "other", seed=1), var_name="llama"),
        ModelConfig(name=adapter, base_model=tiny, is_peft=True, hidden=True, var_name="subject"),
    ]
    with shared_sandbox(request, SandboxConfig(models=models)) as started:
        yield started


@pytest.fixture(scope="module")
def session(sandbox: Sandbox) -> Iterator[NotebookSession]:
    """A session with its models."""
    session = create_notebook_session(sandbox, keep=False)
    yield session
    session.detach()


def sources(session: NotebookSession) -> list[str]:
    return [cell["source"] for cell in session.notebook()["cells"]]


def test_the_text_says_what_there_is(session: NotebookSession, tiny: str) -> None:
    text = session.model_info_text

    assert json.loads(json.dumps(text)) == text
    assert re.match(
        "### Pre-loaded Models\n\n"
        "The following models are already loaded in the kernel:\n\n"
        rf"\*\*model\*\* \({tiny}\)\n"
        "- Type: LlamaForCausalLM\n"
        "- Device: (cpu|cuda:0)\n"
        r"- Parameters: 0\.01M\n\n"
        rf"\*\*tokenizer\*\* \({tiny}\)\n"
        "- Type: [A-Za-z]+\n"
        "- Vocab size: 9\n\n",
        text,
    )
    assert "**llama** (" in text
    assert "**llama_tokenizer** (" in text
    assert text.endswith(
        "**IMPORTANT:** Do NOT reload these models. They are already loaded and ready to use."
    )


def test_whoever_only_knows_the_sandboxs_id_has_its_models(tiny: str) -> None:
    model = ModelConfig(name=tiny, var_name="llama", hidden=True)
    with (
        Sandbox(SandboxConfig(models=[model])) as sandbox,
        Sandbox.from_id(sandbox.sandbox_id) as attached,
    ):
        session = create_notebook_session(attached, keep=False)
        assert "**llama** (hidden)" in session.model_info_text
        assert tiny not in json.dumps(session.notebook())
        assert session.exec("type(llama).__name__").text == "'LlamaForCausalLM'\n"
        session.detach()


def test_models_are_there_before_the_first_cell_and_after_a_restart(
    session: NotebookSession,
) -> None:
    assert sources(session) == []
    code = (
        "inputs = tokenizer('hello world', return_tensors='pt').to(model.device)\n"
        "print(type(model).__name__, list(model(**inputs).logits.shape), model.training)"
    )
    result = session.exec(code)
    assert (result.text, result.execution_count) == ("LlamaForCausalLM [1, 2, 9] False\n", 1)
    assert session.exec("model is not llama and len(llama_tokenizer)").text == "9\n"
    names = session.exec("print(*sorted(n for n in globals() if n[0] != '_'))", hidden=True)
    own = "inputs llama llama_tokenizer model open quit subject subject_tokenizer tokenizer"
    assert names.text == f"In Out exit get_ipython {own}\n"

    session.exec("model = None")
    session.restart()
    assert session.exec(code).text == result.text
    assert "LlamaForCausalLM" in session.model_info_text


def test_a_hidden_adapter_is_on_its_base_and_is_not_named(session: NotebookSession) -> None:
    text = session.model_info_text
    assert "**subject** (hidden)\n- Type: LlamaForCausalLM\n" in text
    assert "**subject_tokenizer** (hidden)\n" in text
    difference = (
        "import torch\n"
        "inputs = subject_tokenizer('hello world', return_tensors='pt').to(subject.device)\n"
        "with torch.no_grad():\n"
        "    on = subject(**inputs).logits\n"
        "    with subject.disable_adapter():\n"
        "        off = subject(**inputs).logits\n"
        "print(bool((on != off).any()))"
    )
    assert session.exec(difference).text == "True\n"
    names = session.exec(
        "subject.config, subject.name_or_path, subject_tokenizer, subject.peft_config"
    ).text
    said = (
        names + text + repr(session) + json.dumps(session.notebook()) + json.dumps(session.info())
    )
    assert "secret-adapter" not in said


SEEDS_OWN = f"""
{seed_snippets.STEERING_HOOK}
{seed_snippets.EXTRACT_ACTIVATIONS}
inline_hook, inline_activations = steering_hook, get_layer_activations

def logits(model, tokenizer, texts):
    inputs = tokenizer(texts, return_tensors="pt").to(model.device)
    with torch.no_grad():
        return model(**inputs).logits
"""


def test_hooks_for_tuples_run_unchanged_and_do_what_the_toolkit_does(
    session: NotebookSession,
) -> None:
    session.exec(SEEDS_OWN)
    code = """
from steering_hook import create_steering_hook, steering_hook
from extract_activations import extract_activation, get_layer_activations

mine = inline_activations(model, tokenizer, "hello world", 1)
theirs = get_layer_activations(model, tokenizer, "hello world", layer=1)
assert mine.shape == (model.config.hidden_size,), mine.shape
assert torch.equal(mine, theirs)
assert torch.equal(extract_activation(model, tokenizer, "hello world", 1)[-1], theirs)

texts = ["hello world", "the capital"]
plain = logits(model, tokenizer, texts)
with inline_hook(model, 1, mine, 2.0):
    steered = logits(model, tokenizer, texts)
with create_steering_hook(model, layer_idx=1, vector=mine, strength=2.0):
    by_toolkit = logits(model, tokenizer, texts)
assert torch.equal(steered, by_toolkit)
assert all((steered[row] != plain[row]).any() for row in range(2))
with steering_hook(subject, -1, mine, 2.0):
    assert (logits(subject, subject_tokenizer, texts) != plain).any()
assert torch.equal(logits(model, tokenizer, texts), plain)
"""
    session.exec(code)


def test_hooks_for_tensors_run_too(session: NotebookSession) -> None:
    session.exec(SEEDS_OWN)
    session.exec("""
seen = {}

def hook(module, inputs, output):
    seen["shape"] = tuple(output.shape)
    seen["mean"] = torch.mean(output)
    seen["last"] = output[:, -1].clone()
    changed = output + 1.0
    assert torch.equal(changed, torch.add(output, 1.0))
    return changed

plain = logits(model, tokenizer, "hello world")
handle = model.model.layers[0].register_forward_hook(hook)
changed = logits(model, tokenizer, "hello world")
handle.remove()
assert seen["shape"] == (1, 2, model.config.hidden_size)
assert (changed != plain).any()

def in_place(module, inputs, output):
    output[0] += 1.0

handle = model.model.layers[0].register_forward_hook(in_place)
assert torch.equal(logits(model, tokenizer, "hello world"), changed)
handle.remove()
assert torch.equal(logits(model, tokenizer, "hello world"), plain)
""")


def test_texts_are_generated_alone_as_together(session: NotebookSession) -> None:
    session.exec("""
from generate_response import generate_response
from batch_generate import batch_generate

prompts = ["hello", "the capital of"]
together = batch_generate(model, tokenizer, prompts, max_tokens=4, temperature=0)
alone = [generate_response(model, tokenizer, each, max_tokens=4, temperature=0) for each in prompts]
assert together == alone, (together, alone)
assert isinstance(generate_response(model, tokenizer, "hello", max_tokens=2), str)
""")


def test_another_session_may_show_how_they_are_loaded(sandbox: Sandbox) -> None:
    workspace = Workspace(hidden_model_loading=False)
    session = create_notebook_session(sandbox, workspace, "shown", keep=False)

    (source,) = sources(session)
    assert "model, tokenizer = load_model(" in source
    assert "secret-adapter" not in source
    assert session.exec("model.config.model_type, type(subject).__name__").text == (
        "('llama', 'PeftModelForCausalLM')\n"
    )
    session.end()


def test_without_preloading_nothing_is_loaded_nor_claimed(sandbox: Sandbox) -> None:
    session = create_notebook_session(sandbox, Workspace(preload_models=False), keep=False)

    assert session.model_info_text == ""
    assert session.exec("'model' in globals()").text == "False\n"
    session.end()


def test_a_model_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "unheard-of"}')

    with (
        Sandbox(SandboxConfig(models=[ModelConfig(name=str(tmp_path / "broken"))])) as sandbox,
        pytest.raises(ModelLoadError, match="unheard-of") as caught,
    ):
        create_notebook_session(sandbox, keep=False)
    assert "transformers" in caught.value.hint


@pytest.mark.real_model
def test_a_real_language_model_answers_and_the_guides_snippets_run_on_it(model: str) -> None:
    with Sandbox(SandboxConfig(models=[ModelConfig(name=model)])) as sandbox:
        session = create_notebook_session(sandbox, keep=False)
        assert "- Parameters: 134.52M" in session.model_info_text
        assert "- Vocab size: 49,152" in session.model_info_text
        result = session.exec(
            "inputs = tokenizer('The capital of France is', return_tensors='pt').to(model.device)\n"
            "tokenizer.decode(model(**inputs).logits[0, -1].argmax())"
        )
        steered = session.exec(seed_snippets.CONTRAST_PAIR).text
        for snippet in (
            seed_snippets.STEERING_HOOK,
            seed_snippets.EXTRACT_ACTIVATIONS,
            seed_snippets.GENERATE_RESPONSE,
        ):
            session.exec(snippet)
        said = session.exec(seed_snippets.CHECK).text
        session.detach()
    assert result.text == "' Paris'\n"
    assert "Steered response: What do you think about this idea?" in steered
    assert said.endswith("'The capital of France is Paris'\n")
