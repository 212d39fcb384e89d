"""The model that an interface is about, with its tokenizer and its adapters."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seer_interfaces.toolkit.architecture import Architecture
from seer_interfaces.toolkit.inputs import Batch, Inputs, encode, pad, prompts_of
from seer_rpc.interface import expose, list_configured_models

BASE = "base"
"""What the model without any adapter is called."""

_VARIABLE = "SEER_MODEL"
# Inside a sandbox it is another one.
_IS_SERVED = expose.__module__ != "seer_rpc.interface"


class Subject:
    """A causal language model, ready to be looked into."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Take a model of transformers, with adapters of PEFT around it or not, and its tokenizer.

        Raises:
            ValueError: its layout is not known, or an adapter works outside of its layers.
        """
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.architecture = Architecture(model)
        config = self.architecture.config
        if (
            getattr(config, "attn_logit_softcapping", None)
            and config._attn_implementation == "sdpa"
        ):
            # Which cannot cap: before transformers 5 Gemma 2 ran uncapped, with a warning at most.
            config._attn_implementation = "eager"
        self.adapters: list[str] = list(getattr(model, "peft_config", None) or ())
        for name in self.adapters:
            if model.peft_config[name].is_prompt_learning:
                raise ValueError(
                    "this adapter puts tokens before the input; the toolkit knows those that are "
                    "inside of layers (LoRA and its like)"
                )

    @property
    def device(self) -> torch.device:
        """Where token ids go to."""
        return self.architecture.embedding.weight.device  # type: ignore[return-value]

    @property
    def ends(self) -> set[int]:
        """The tokens that end an answer."""
        configured = getattr(self.architecture.causal, "generation_config", None)
        ends = getattr(configured, "eos_token_id", None)
        if ends is None:
            ends = self.tokenizer.eos_token_id
        return set(ends) if isinstance(ends, list) else {ends} - {None}

    @property
    def filler(self) -> int:
        """What stands where there is no token."""
        filler = self.tokenizer.pad_token_id
        return filler if filler is not None else next(iter(sorted(self.ends)), 0)

    def encode(self, inputs: Inputs, prefill: str = "") -> Batch:
        """Tokenise inputs into one batch.

        Raises:
            ValueError: one has no tokens, or more than the model was made for.
        """
        return self.batch([encode(self.tokenizer, each, prefill) for each in prompts_of(inputs)])

    def batch(self, rows: Sequence[Sequence[int]]) -> Batch:
        """Put rows of token ids into one batch.

        Raises:
            ValueError: one is longer than what the model was made for.
        """
        longest, most = max(map(len, rows)), self.architecture.max_positions
        if longest > most:
            raise ValueError(f"an input has {longest} tokens; the model was made for {most}")
        return pad(rows, self.device, self.filler)

    def words(self, ids: Sequence[int]) -> list[str]:
        """Give each token as text, as it would be shown alone."""
        return [self.tokenizer.decode([each]) for each in ids]

    def token(self, text: str) -> int:
        """Give the id of a text that is one token.

        Raises:
            ValueError: it is none, or several.
        """
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            hint = "" if text.startswith(" ") else f"; in a text words often are {' ' + text!r}"
            raise ValueError(f"{text!r} is not one token but {self.words(ids)}{hint}")
        return ids[0]

    @contextmanager
    def using(self, variant: str | None) -> Iterator[Subject]:
        """Run the model with an adapter, or as "base" without any; None leaves it as it is.

        Gives the subject itself.

        Raises:
            ValueError: there is no such adapter.
        """
        if variant is not None and variant not in (BASE, *self.adapters):
            known = ", ".join((BASE, *self.adapters))
            raise ValueError(f"there is no variant {variant!r} of this model; there are: {known}")
        if variant is None or not self.adapters:
            yield self
        elif variant == BASE:
            with self.model.disable_adapter():
                yield self
        else:
            usual = self.model.active_adapter
            self.model.set_adapter(variant)
            self.model.requires_grad_(False)
            try:
                yield self
            finally:
                self.model.set_adapter(usual)
                self.model.requires_grad_(False)


_subject: Subject | None = None


def use(model: Any, tokenizer: Any = None) -> Subject:
    """Make a model the one that ready-made interfaces are about.

        from seer_interfaces import toolkit
        toolkit.use(get_model_path("org/model"))
        from seer_interfaces import activations  # its functions are served, about this model

    Args:
        model: A model of transformers, or the directory of one.
        tokenizer: Its tokenizer; only where `model` is no directory.
    """
    global _subject
    is_path = isinstance(model, str | Path)
    _subject = load(str(model)) if is_path else Subject(model, tokenizer)
    return _subject


def subject() -> Subject:
    """Give the model that the interface is about; it is loaded at the first use.

    It is the sandbox's only model, with the adapters that are configured for it. Where there are
    several, the variable SEER_MODEL names it.

    Raises:
        ValueError: there is none, or several.
    """
    global _subject
    if _subject is None:
        base, adapters = _configured()
        _subject = load(base, adapters)
    return _subject


def prepare() -> None:
    """Load the model now, inside a sandbox: what is wrong with it is said when serving.

    Raises:
        ValueError: there is none, or several.
    """
    if _IS_SERVED:
        subject()


def load(path: str, adapters: Sequence[str] = ()) -> Subject:
    """Load a model from its directory, adapters on it: float32 on a CPU, bfloat16 on GPUs.

    The first adapter is called "default" and is in use; others are "adapter_2" and so on, so that
    no name says where one is from.
    """
    on_gpu = torch.cuda.is_available()
    model: Any = AutoModelForCausalLM.from_pretrained(
        path,
        dtype=torch.bfloat16 if on_gpu else torch.float32,
        device_map="auto" if on_gpu else None,
    )
    for number, adapter in enumerate(adapters, 1):
        name = "default" if number == 1 else f"adapter_{number}"
        if number == 1:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, adapter, adapter_name=name)
        else:
            model.load_adapter(adapter, adapter_name=name)
    # An adapter may have come with a tokenizer, whose chat template it was trained with.
    own = [each for each in adapters[:1] if Path(each, "tokenizer_config.json").exists()]
    return Subject(model, AutoTokenizer.from_pretrained(own[0] if own else path))


def _configured() -> tuple[str, list[str]]:
    """Give the directory of the configured model, and those of its adapters.

    Raises:
        ValueError: there is none, or several.
    """
    models = list_configured_models()
    adapters = [path for path in models.values() if _is_adapter(path)]
    bases = {name: path for name, path in models.items() if _is_model(path)}
    chosen = os.environ.get(_VARIABLE)
    if chosen is not None:
        if chosen not in bases:
            raise ValueError(f"{_VARIABLE} names no model of this sandbox")
        return bases[chosen], adapters
    if len(bases) != 1:
        raise ValueError(
            f"this interface is about one model, and the sandbox has {len(bases)}: configure one, "
            f'or name it with SandboxConfig(env={{"{_VARIABLE}": ...}})'
        )
    return next(iter(bases.values())), adapters


def _is_model(path: str) -> bool:
    return Path(path, "config.json").exists()


def _is_adapter(path: str) -> bool:
    return Path(path, "adapter_config.json").exists()
