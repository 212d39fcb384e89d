"""What kernels have for models, with every family: the modules by their own names, and the shim."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from seer_interfaces.toolkit import Subject
from seer_runtime.kernel import tuple_outputs
from seer_runtime.kernel.generation import batch_generate
from seer_runtime.kernel.layers import find_layers
from seer_runtime.kernel.toolkit.extract_activations import (
    extract_activation,
    get_layer_activations,
)
from seer_runtime.kernel.toolkit.steering_hook import steering_hook
from tests.toolkit import references
from tests.toolkit.families import WIDTH, tiny
from tests.toolkit.test_sites import TEXT, TEXTS, ids_of

VECTOR = torch.linspace(-1, 2, WIDTH)


def steer_as_tuple(module: Any, inputs: Any, output: Any) -> Any:
    """A hook as most are written: the layer's output is a tuple."""
    hidden = output[0]
    hidden[:, :, :] = hidden + 3 * VECTOR.to(hidden.device)
    return (hidden,) + output[1:]  # noqa: RUF005


def steer_in_place(module: Any, inputs: Any, output: Any) -> None:
    output[0][:] += 3 * VECTOR


def steer_as_tensor(module: Any, inputs: Any, output: Any) -> Any:
    return output + 3 * VECTOR


def adapted(subject: Subject) -> Any:
    """Give a copy of a model whose hooks get what the shim gives."""
    model = copy.deepcopy(subject.model)
    tuple_outputs.adapt(model)
    return model


def gives_tuples(subject: Subject) -> bool:
    """Tell whether layers give tuples, by this release and this family."""
    seen: list[Any] = []
    handle = references.layers(subject.model)[1].register_forward_hook(
        lambda _, __, output: seen.append(output)
    )
    references.logits(subject.model, ids_of(subject, TEXT))
    handle.remove()
    return isinstance(seen[0], tuple)


def test_layers_are_found_as_the_toolkit_finds_them(any_subject: Subject) -> None:
    layers = list(references.layers(any_subject.model))
    assert list(find_layers(any_subject.model)) == layers
    assert list(any_subject.architecture.layers) == layers


def test_layers_below_an_adapter_are_found() -> None:
    base = tiny("llama")
    layers = list(base.model.layers)
    wrapped = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"]))
    assert list(find_layers(wrapped)) == layers


def test_activations_are_residual_streams(any_subject: Subject) -> None:
    model, tokenizer = any_subject.model, any_subject.tokenizer
    expected = references.sites(model, ids_of(any_subject, TEXT))["resid_post"]

    for layer in range(len(expected)):
        found = extract_activation(model, tokenizer, TEXT, layer)
        torch.testing.assert_close(found, expected[layer, 0], atol=1e-5, rtol=1e-5)
        last = get_layer_activations(model, tokenizer, TEXT, layer)
        assert torch.equal(last, found[-1])


@pytest.mark.parametrize("hook", [steer_as_tuple, steer_in_place])
def test_hooks_for_tuples_steer_every_row(any_subject: Subject, hook: Any) -> None:
    model = adapted(any_subject)
    ids = ids_of(any_subject, TEXT).repeat(2, 1)
    plain = references.logits(any_subject.model, ids)
    with references.changed(any_subject.model, 1, lambda output: output + 3 * VECTOR):
        expected = references.logits(any_subject.model, ids)

    handle = references.layers(model)[1].register_forward_hook(hook)
    found = references.logits(model, ids)
    handle.remove()

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(references.logits(model, ids), plain)
    with steering_hook(model, 1, VECTOR, 3.0):
        torch.testing.assert_close(references.logits(model, ids), expected, atol=1e-5, rtol=1e-5)


def test_hooks_for_tensors_steer_where_layers_give_tensors(any_subject: Subject) -> None:
    model = adapted(any_subject)
    ids = ids_of(any_subject, TEXT).repeat(2, 1)
    with references.changed(any_subject.model, 1, lambda output: output + 3 * VECTOR):
        expected = references.logits(any_subject.model, ids)

    handle = references.layers(model)[1].register_forward_hook(steer_as_tensor)
    if gives_tuples(any_subject):
        # As without the shim: such a hook is of another release.
        with pytest.raises(TypeError):
            references.logits(model, ids)
        return
    found = references.logits(model, ids)
    handle.remove()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_texts_are_gone_on_with_together_as_alone(any_subject: Subject) -> None:
    model, tokenizer = any_subject.model, any_subject.tokenizer
    together = batch_generate(model, tokenizer, TEXTS, max_tokens=4, temperature=0)
    alone = [batch_generate(model, tokenizer, [text], 4, 0)[0] for text in TEXTS]
    assert together == alone
