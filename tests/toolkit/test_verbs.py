"""Laws that hold for every verb alike: interventions, adapters, and what they leave behind."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Intervention, Subject, subjects
from tests.toolkit.families import WIDTH, tiny
from tests.toolkit.test_sae import written
from tests.toolkit.verbs import BY_VARIANT, VERBS, exposed, plain

STEERING = Intervention("add", 1, value=torch.linspace(-1, 2, WIDTH), strength=3.0)
NOTHING = Intervention("add", "all", value=torch.linspace(-1, 2, WIDTH), strength=0.0)


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("saes") / "sae")


@pytest.fixture
def with_adapter(tokenizer: Any) -> Iterator[Subject]:
    """A model whose adapter makes a difference, and which is the subject."""
    torch.manual_seed(1)
    adapted = get_peft_model(tiny("llama"), LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
    with torch.no_grad():
        for name, each in adapted.named_parameters():
            if "lora_B" in name:
                each.normal_(std=0.3)
    yield toolkit.use(adapted, tokenizer)
    subjects._subject = None


def called(name: str, autoencoder: str, **options: Any) -> Any:
    """Call a verb in this process; gives lists and numbers."""

    def call(name: str, **arguments: Any) -> Any:
        return exposed()[name](**arguments)

    arguments = VERBS[name](call)
    if name.startswith("sae"):
        arguments["sae"] = autoencoder
    return plain(call(name, **arguments, **options))


def test_every_verb_that_runs_the_model_takes_both() -> None:
    """And is known here: whoever adds one adds it to the table."""
    takes = {name: inspect.signature(each).parameters for name, each in exposed().items()}
    assert {name for name in takes if "interventions" in takes[name]} == set(VERBS)
    assert {name for name in takes if "adapter" in takes[name]} == set(VERBS) - set(BY_VARIANT)
    for name in VERBS:
        assert list(takes[name])[-1] == ("interventions" if name in BY_VARIANT else "adapter")


@pytest.mark.parametrize("name", VERBS)
def test_an_intervention_counts_and_one_of_strength_zero_does_not(
    subject: Subject, autoencoder: str, name: str
) -> None:
    usual = called(name, autoencoder)
    without = called(name, autoencoder, interventions=[NOTHING])
    steered = called(name, autoencoder, interventions=[STEERING])

    if name == "direct_logit_attribution":
        # What interventions add is a part of its own.
        assert without.pop(-2)["value"] == pytest.approx(0, abs=1e-5)
        assert steered[-2]["kind"] == "intervention"
    assert without == usual
    # Two variants that are the same are the same after any intervention.
    assert (steered == usual) == (name == "activation_diff")
    assert called(name, autoencoder) == usual


@pytest.mark.parametrize("name", [name for name in VERBS if name not in BY_VARIANT])
def test_an_adapter_counts_and_base_is_the_bare_model(
    with_adapter: Subject, tokenizer: Any, autoencoder: str, name: str
) -> None:
    adapted, base = called(name, autoencoder), called(name, autoencoder, adapter="base")
    assert called(name, autoencoder, adapter="default") == adapted
    with pytest.raises(ValueError, match="no variant 'other'"):
        called(name, autoencoder, adapter="other")
    toolkit.use(tiny("llama"), tokenizer)

    bare = called(name, autoencoder)

    if name not in ("probe_scores", "answer_again"):
        # Bit for bit; those two begin with what the adapter gave.
        assert base == bare
    assert adapted != bare


def test_a_stream_that_waits_leaves_the_adapter_to_others(with_adapter: Subject) -> None:
    serve = exposed()
    alone = list(serve["stream"]("hello", 4, adapter="base"))
    events = serve["stream"]("hello", 4, adapter="base")
    told = [next(events)]
    between = serve["generate"]("hello", 4)
    told += list(events)

    assert told == alone
    assert between == serve["generate"]("hello", 4, adapter="default")
    assert [each.token for each in told] != between[0].tokens


def test_merged_and_unmerged_adapters_say_the_same(with_adapter: Subject, tokenizer: Any) -> None:
    ids = with_adapter.encode("When Mary and John").ids
    unmerged = toolkit.run(with_adapter, with_adapter.encode("When Mary and John")).normed
    merged = with_adapter.model.merge_and_unload()
    with torch.no_grad():
        expected = merged.model(ids).last_hidden_state
    torch.testing.assert_close(unmerged, expected, atol=1e-5, rtol=1e-5)


def test_steering_there_and_back_clamping_to_what_is_and_scaling_by_one_change_nothing(
    any_subject: Subject,
) -> None:
    vector = torch.linspace(-1, 2, WIDTH)
    extract = exposed()["extract"]
    plainly = extract("abc", positions="all")
    coordinate = extract("abc", 1, positions=[2])[0, 0, 0] @ (vector / vector.norm())
    ways = [
        [Intervention("add", 1, value=vector, strength=each) for each in (4.0, -4.0)],
        [Intervention("clamp", 1, positions=[2], value=vector, strength=float(coordinate))],
        [Intervention("scale", 1, strength=each) for each in (4.0, 0.25)],
    ]
    for interventions in ways:
        found = extract("abc", positions="all", interventions=interventions)
        torch.testing.assert_close(found, plainly, atol=1e-5, rtol=1e-5)
    ablation = Intervention("ablate_direction", 1, value=vector)
    clamp = Intervention("clamp", 1, value=vector, strength=0.0)
    ablated, clamped = (extract("abc", interventions=[each]) for each in (ablation, clamp))
    torch.testing.assert_close(ablated, clamped, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("interventions", [(), (STEERING,)], ids=["plain", "steered"])
def test_components_add_up_to_the_logit_whatever_is_changed(
    any_subject: Subject, interventions: tuple[Intervention, ...]
) -> None:
    parts = exposed()["direct_logit_attribution"]("abc", "y", interventions=interventions)
    with torch.no_grad():
        normed = toolkit.run(any_subject, any_subject.encode("abc"), interventions).normed
        logit = any_subject.architecture.unembedding(normed)[0, -1, any_subject.token("y")]
    assert sum(each.value for each in parts) == pytest.approx(float(logit), abs=1e-4)
