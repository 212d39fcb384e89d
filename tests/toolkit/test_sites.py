"""Activations and patterns of each family against plain transformers and arithmetic."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from torch import nn

from seer_interfaces import activations, toolkit
from seer_interfaces.toolkit import Intervention, Site, Subject
from seer_rpc.interface import TensorRef
from tests.toolkit import references
from tests.toolkit.families import LAYERS, tiny

TEXT = "When Mary and John"
TEXTS = ["When Mary", "a", "The cat sat on the mat"]
SITES: tuple[Site, ...] = (
    "resid_pre",
    "resid_mid",
    "resid_post",
    "attn_out",
    "mlp_out",
    "q",
    "k",
    "v",
    "z",
)


def ids_of(subject: Subject, text: str) -> torch.Tensor:
    ids: torch.Tensor = subject.tokenizer(text, return_tensors="pt").input_ids
    return ids


def known(subject: Subject) -> tuple[Site, ...]:
    parallel = subject.architecture.has_parallel_residual
    return tuple(site for site in SITES if not (parallel and site == "resid_mid"))


def extracted(*args: Any, **kwargs: Any) -> torch.Tensor:
    values = activations.extract(*args, **kwargs)
    assert isinstance(values, torch.Tensor)
    return values


def attended(*args: Any, **kwargs: Any) -> torch.Tensor:
    values = activations.attention(*args, **kwargs)
    assert isinstance(values, torch.Tensor)
    return values


def test_every_site_is_what_transformers_and_arithmetic_give(any_subject: Subject) -> None:
    expected = references.sites(any_subject.model, ids_of(any_subject, TEXT))

    for site in known(any_subject):
        found = extracted(TEXT, site=site, positions="all")
        assert found.shape == expected[site].shape, site
        torch.testing.assert_close(found, expected[site], atol=1e-5, rtol=1e-5, msg=site)


def test_patterns_are_those_of_eager_attention(any_subject: Subject) -> None:
    usual = any_subject.architecture.config._attn_implementation
    expected = references.sites(any_subject.model, ids_of(any_subject, TEXT))["pattern"]

    found = attended(TEXT)

    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(found.shape[:-1]))
    assert not found.triu(1).any()
    assert torch.equal(attended(TEXT, -1, [3, 0])[0, 0], found[-1, 0, [3, 0]])
    # The model goes back to the attention that it had.
    assert any_subject.architecture.config._attn_implementation == usual


def test_each_of_a_batch_is_as_it_is_alone(any_subject: Subject) -> None:
    for site in known(any_subject):
        together = extracted(TEXTS, site=site, positions="all")
        for row, text in enumerate(TEXTS):
            alone = extracted(text, site=site, positions="all")
            length = alone.shape[2]
            torch.testing.assert_close(
                together[:, row, -length:], alone[:, 0], atol=1e-5, rtol=1e-5, msg=site
            )
            assert not together[:, row, :-length].any()
    patterns = attended(TEXTS)
    for row, text in enumerate(TEXTS):
        alone = attended(text)
        length = alone.shape[-1]
        torch.testing.assert_close(
            patterns[:, row, :, -length:, -length:], alone[:, 0], atol=1e-6, rtol=1e-5
        )
        assert not patterns[:, row, :, :-length].any()
        assert not patterns[:, row, :, :, :-length].any()


def test_padding_on_the_right_would_give_the_same(any_subject: Subject) -> None:
    """Right padding and a look at the last real token, instead of at the last column."""
    rows = [any_subject.tokenizer(text).input_ids for text in TEXTS]
    width = max(map(len, rows))
    ids = torch.tensor([row + [258] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    states = any_subject.model(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    last = [len(row) - 1 for row in rows]

    found = extracted(TEXTS, [0, 1])

    for place in (0, 1):
        expected = states[place + 1][torch.arange(len(rows)), last]
        torch.testing.assert_close(found[place], expected, atol=1e-5, rtol=1e-5)


def test_the_last_hidden_state_of_transformers_is_no_residual(any_subject: Subject) -> None:
    """`hidden_states[-1]` has gone through the final norm; `resid_post` has not."""
    model = any_subject.model
    states = model(ids_of(any_subject, TEXT), output_hidden_states=True).hidden_states

    found = extracted(TEXT, -1, positions="all")[0]

    assert not torch.allclose(states[-1], found, atol=1e-2)
    torch.testing.assert_close(any_subject.architecture.final_norm(found), states[-1])


def test_positions_are_chosen_by_number(subject: Subject) -> None:
    everything = extracted(TEXTS, positions="all")
    lengths = [len(subject.tokenizer(text).input_ids) for text in TEXTS]

    found = extracted(TEXTS, positions=[-1, 0, -2])

    assert found.shape == (LAYERS, 3, 3, subject.architecture.d_model)
    for row, length in enumerate(lengths):
        mine = everything[:, row, -length:]
        assert torch.equal(found[:, row], mine[:, [length - 1, 0, length - 2]])
    assert torch.equal(extracted(TEXTS), everything[:, :, -1])
    with pytest.raises(ValueError, match="no position 2 in an input of 2 tokens"):
        extracted(TEXTS, positions=[2])


class Tupled(nn.Module):
    """A layer as it was before transformers 5: it gives a tuple."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return (self.layer(*args, **kwargs),)


class Untupled(nn.Module):
    """What this release's decoder takes of such a layer."""

    def __init__(self, layer: Tupled) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.layer(*args, **kwargs)[0]


def test_layers_that_give_tuples_are_steered_in_every_row(tokenizer: Any) -> None:
    """`output[0] += v` changes a whole tuple's states, or the first row of a tensor alone."""
    model = tiny("llama")
    expected = references.sites(model, tokenizer(TEXT, return_tensors="pt").input_ids)
    tupled = [Tupled(layer) for layer in model.model.layers]
    model.model.layers = nn.ModuleList(Untupled(layer) for layer in tupled)
    subject = toolkit.use(model, tokenizer)
    subject.architecture.layers = nn.ModuleList(tupled)
    steering = Intervention("add", [0], value=torch.ones(32), strength=0.5)

    found = extracted([TEXT, TEXT], positions="all")
    steered = extracted([TEXT, TEXT], 0, positions="all", interventions=[steering])

    for row in (0, 1):
        torch.testing.assert_close(
            found[:, row], expected["resid_post"][:, 0], atol=1e-5, rtol=1e-5
        )
    torch.testing.assert_close(steered[0] - found[0], torch.full_like(found[0], 0.5))


@pytest.mark.parametrize("wrapped", ["llama", "gpt2"])
def test_adapters_are_looked_through_and_can_be_left_out(wrapped: str, tokenizer: Any) -> None:
    bare = tiny(wrapped)
    ids = tokenizer(TEXT, return_tensors="pt").input_ids
    plain, plain_logits = references.sites(bare, ids), references.logits(bare, ids)
    targets = {"llama": ["q_proj", "o_proj", "down_proj"], "gpt2": ["c_attn", "c_proj"]}[wrapped]
    lora = LoraConfig(r=4, target_modules=targets, fan_in_fan_out=wrapped == "gpt2")
    adapted = get_peft_model(bare, lora)
    with torch.no_grad():
        for name, each in adapted.named_parameters():
            if "lora_B" in name:
                each.normal_(std=0.3)
    merged = copy.deepcopy(adapted).merge_and_unload()
    subject = toolkit.use(adapted, tokenizer)

    for site in SITES:
        with_adapter = extracted(TEXT, site=site, positions="all")
        expected = references.sites(merged, ids)[site]
        torch.testing.assert_close(with_adapter, expected, atol=1e-4, rtol=1e-4, msg=site)
        with subject.using("base"):
            without = extracted(TEXT, site=site, positions="all")
        torch.testing.assert_close(without, plain[site], atol=1e-5, rtol=1e-5, msg=site)
    assert subject.adapters == ["default"]
    with subject.using("base"):
        result = toolkit.run(subject, subject.encode(TEXT))
        # Bit for bit: the adapter is not there at all.
        assert torch.equal(subject.architecture.logits(result.normed), plain_logits)
    with pytest.raises(ValueError, match="there are: base, default"), subject.using("other"):
        pass


def test_adapters_that_lengthen_the_input_are_refused(tokenizer: Any) -> None:
    prompts = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    with pytest.raises(ValueError, match="puts tokens before the input"):
        toolkit.use(get_peft_model(tiny("llama"), prompts), tokenizer)


def test_a_model_of_an_unknown_layout_is_refused(tokenizer: Any) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base_model = nn.Linear(2, 2)

    with pytest.raises(ValueError, match="it has no layers or h"):
        toolkit.use(Odd(), tokenizer)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": 3}, "there is no layer 3: they are 0 to 2"),
        ({"layers": []}, "names no layers"),
        ({"site": "pattern"}, r"attention\(\) gives them"),
        ({"positions": "generated"}, "nothing is generated here"),
        ({"inputs": []}, "there is no input"),
        ({"inputs": "x" * 200}, "has 201 tokens; the model was made for 128"),
        ({"inputs": ["a", [{"role": "user", "content": "a"}]]}, "several kinds"),
    ],
)
def test_what_cannot_be_extracted_is_refused(
    subject: Subject, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        extracted(**{"inputs": TEXT, **wrong})


def test_parallel_models_have_no_middle(tokenizer: Any) -> None:
    toolkit.use(tiny("gpt_neox"), tokenizer)
    with pytest.raises(ValueError, match="no resid_mid"):
        extracted(TEXT, site="resid_mid")


def test_a_dataset_is_extracted_in_batches(subject: Subject) -> None:
    texts = [TEXT[: 2 + number] for number in range(7)]

    found = activations.extract_dataset(texts, [0, -1], batch_size=3, keep=False)

    assert isinstance(found, torch.Tensor)
    assert found.shape == (2, 7, 32)
    for number, text in enumerate(texts):
        alone = extracted(text, [0, 2])[:, 0]
        torch.testing.assert_close(found[:, number], alone, atol=1e-5, rtol=1e-5)
    kept = activations.extract_dataset(texts, 0, positions=[-1], batch_size=2)
    assert isinstance(kept, TensorRef)
    torch.testing.assert_close(kept.value[0, :, 0], found[0], atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="different lengths"):
        activations.extract_dataset(texts, positions="all")


def test_means_count_each_token_once(subject: Subject) -> None:
    rows = [extracted(text, 1, positions="all")[0, 0] for text in TEXTS]

    found = activations.mean(TEXTS, 1, batch_size=2).value

    torch.testing.assert_close(found[0], torch.cat(rows).mean(dim=0), atol=1e-5, rtol=1e-5)


def test_a_mean_difference_is_the_difference_of_means(subject: Subject) -> None:
    positive, negative = ["good", "great!"], ["bad", "awful", "ill"]
    ups, downs = (extracted(texts).mean(dim=1) for texts in (positive, negative))

    found = activations.mean_difference(positive, negative)

    direction = found.direction.value
    torch.testing.assert_close(direction, ups - downs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.tensor(found.norms), direction.norm(dim=-1))
    cosines = activations.similarity(ups, downs)
    torch.testing.assert_close(torch.tensor(found.cosines), cosines, atol=1e-5, rtol=1e-5)
    norms = [extracted(texts).norm(dim=-1).mean(dim=1) for texts in (positive, negative)]
    expected = (norms[0] + norms[1]) / 2
    torch.testing.assert_close(torch.tensor(found.activation_norms), expected)
