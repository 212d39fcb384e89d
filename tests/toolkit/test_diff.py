"""An adapter against its base."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from seer_interfaces import diff, model, toolkit
from seer_interfaces.toolkit import Intervention, Subject, subjects
from tests.toolkit import references
from tests.toolkit.families import byte_tokenizer, tiny
from tests.toolkit.test_sites import TEXT, extracted, ids_of


def trained(base: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    adapted = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
    with torch.no_grad():
        for name, each in adapted.named_parameters():
            if "lora_B" in name:
                each.normal_(std=0.3)
    return adapted


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A model and two adapters of it."""
    place = tmp_path_factory.mktemp("models")
    tiny("llama").save_pretrained(place / "base")
    byte_tokenizer().save_pretrained(place / "base")
    for number in (1, 2):
        trained(tiny("llama"), number).save_pretrained(place / f"adapter{number}")
    return [str(place / name) for name in ("base", "adapter1", "adapter2")]


@pytest.fixture
def adapted(folders: list[str]) -> Iterator[Subject]:
    subjects._subject = toolkit.load(folders[0], folders[1:])
    yield subjects._subject
    subjects._subject = None


@pytest.fixture(scope="module")
def models() -> list[Any]:
    """The base, and it with each adapter merged into it."""
    merged = [copy.deepcopy(trained(tiny("llama"), number)).merge_and_unload() for number in (1, 2)]
    return [tiny("llama"), *merged]


def test_variants_are_what_they_are_merged(adapted: Subject, models: list[Any]) -> None:
    assert diff.variants() == ["base", "default", "adapter_2"]
    for name, expected in zip(diff.variants(), models, strict=True):
        with adapted.using(name):
            result = toolkit.run(adapted, adapted.encode(TEXT))
            logits = adapted.architecture.logits(result.normed)
        wanted = references.logits(expected, ids_of(adapted, TEXT))
        torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=1e-4)
        (told,) = model.logprobs(TEXT, top_k=1, adapter=name)
        best = wanted[0, -1].log_softmax(dim=-1).max()
        assert told.top[0].logprob == pytest.approx(float(best), abs=1e-3)
        assert model.generate(TEXT, 4, adapter=name)[0].tokens == generated(expected, adapted)
        states = references.sites(expected, ids_of(adapted, TEXT))["resid_post"][:, :, -1]
        found = extracted(TEXT, adapter=name)
        torch.testing.assert_close(found, states, atol=1e-4, rtol=1e-4)
    # Whatever was looked at, the first adapter is in use.
    assert model.generate(TEXT, 4)[0].tokens == generated(models[1], adapted)


def generated(expected: Any, subject: Subject) -> list[int]:
    ids = ids_of(subject, TEXT)
    output = expected.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False
    )
    tokens: list[int] = output[0, ids.shape[1] :].tolist()
    return tokens


def test_a_comparison_is_that_of_two_models(adapted: Subject, models: list[Any]) -> None:
    before, after = (
        references.logits(each, ids_of(adapted, TEXT))[0].log_softmax(dim=-1) for each in models[:2]
    )

    (found,) = diff.compare(TEXT, max_new_tokens=4, top_k=3)

    divergences = (after.exp() * (after - before)).sum(dim=-1)
    torch.testing.assert_close(torch.tensor(found.divergences), divergences, atol=1e-3, rtol=1e-3)
    change = (after[-1].exp() - before[-1].exp()).abs().topk(3)
    assert [each.text for each in found.moved] == adapted.words(change.indices.tolist())
    moved = [abs(each.after - each.before) for each in found.moved]
    assert moved == pytest.approx(change.values.tolist(), abs=1e-4)
    texts = [
        adapted.tokenizer.decode(generated(each, adapted), skip_special_tokens=True)
        for each in models[:2]
    ]
    assert list(found.texts) == texts
    assert diff.compare(TEXT, "default", "default", 0)[0].divergences == [0.0] * len(divergences)


def test_what_differs_steers_the_base_to_the_adapter(adapted: Subject, models: list[Any]) -> None:
    difference = diff.activation_diff(TEXT, -1, positions="all").value
    with adapted.using("base"):
        steering = Intervention("add", -1, value=difference)
        result = toolkit.run(adapted, adapted.encode(TEXT), [steering])
        logits = adapted.architecture.logits(result.normed)
    expected = references.logits(models[1], ids_of(adapted, TEXT))
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_an_unknown_variant_is_refused(adapted: Subject) -> None:
    with pytest.raises(ValueError, match="no variant 'other' of this model; there are: base, def"):
        diff.compare(TEXT, second="other")


def test_names_of_adapters_are_told_nowhere(adapted: Subject, folders: list[str]) -> None:
    told = repr(model.info()) + repr(diff.variants())
    assert not any(Path(folder).name in told for folder in folders[1:])
