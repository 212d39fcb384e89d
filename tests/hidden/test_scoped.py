"""Hidden models in sandboxes that serve interfaces: what is in one, or leaves it, names none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seer_rpc import progress
from seer_rpc.backends.local import machine
from seer_rpc.environment import ModelConfig, ScopedSandbox, plan
from seer_rpc.environment import models as found_models
from seer_runtime.wire.hiding import Names, files, seal
from tests.hidden import surfaces
from tests.hidden.canary import CORE, found_in
from tests.hidden.scoped import QUICK, answers, config, started
from tests.hub.hub import Hub
from tests.pids import warden_of

_LOADING = '''
    """Tools of an interface that loads its models."""

    import gc

    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def _load(path):
        return AutoModelForCausalLM.from_pretrained(path)

    other = _load(get_model_path("other"))
    base = get_model_path("subject_base")
    model = PeftModel.from_pretrained(_load(base), get_model_path("subject"))
    tokenizer = AutoTokenizer.from_pretrained(base)

    @expose
    def shown() -> list[str]:
        """Show what there is."""
        everything = [model, model.config, model.peft_config, tokenizer, other.config]
        own = [other.name_or_path, tokenizer.name_or_path, str(tokenizer.init_kwargs)]
        return [*map(repr, everything), *own, str(tokenizer.chat_template)]

    @expose
    def difference() -> bool:
        """Tell whether the adapter makes one."""
        tokens = torch.tensor([[2, 3]])
        with torch.no_grad():
            return bool((model(tokens).logits != other(tokens).logits).any())

    @expose
    def fail(how: str) -> None:
        """Fail in some way."""
        path = get_model_path("subject")
        if how == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        if how == "path":
            _load(path + "/nothing")
        if how == "adapter":
            PeftModel.from_pretrained(other, get_model_path("other"))
        if how == "hub":
            _load("org/nothing")
        raise ValueError(path)
'''


_CALLS: list[tuple[str, list[Any]]] = [
    ("configured", []),
    ("where", ["subject"]),
    ("where", ["org/nothing"]),
    ("read", ["subject", "adapter_config.json"]),
    ("read", ["subject_base", "tokenizer_config.json"]),
    ("read", ["other", "README.md"]),
    ("nothing", []),
    ("where", [1]),
    ("die", []),
]


def scan(scoped: ScopedSandbox, file: Path) -> list[str]:
    """Look everywhere but in the memory of processes."""
    found = surfaces.hits(surfaces.artefacts(scoped, file))
    found += surfaces.hits(answers(scoped, *_CALLS))
    found += surfaces.hits(surfaces.files_inside(scoped))
    found += surfaces.hits(
        each for each in surfaces.processes(warden_of(scoped)) if not each[0].startswith("memory")
    )
    return found + surfaces.hits(surfaces.written_down(scoped))


def test_nothing_names_them(
    full_hub: Hub, models: dict[str, Path], write: Callable[..., Path], capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(progress, "_FIRST_NOTE", 0.0)
    file = write(_LOADING)

    with pytest.warns(UserWarning, match="HF_TOKEN: models are fetched with it"):
        scoped = ScopedSandbox(config(models), backend="local").start()
    with scoped:
        found = surfaces.hits(surfaces.artefacts(scoped, file))
        ways = ("memory", "path", "adapter", "hub", "value")
        told = dict(
            answers(scoped, ("shown", []), ("difference", []), *(("fail", [way]) for way in ways))
        )
        assert told["difference([])"] == "True"
        assert "LlamaForCausalLM" in told["shown([])"]
        assert all("Error" in told[f"fail([{way!r}])"] for way in ways)
        found += surfaces.hits(iter(told.items()))
        looked = list(surfaces.files_inside(scoped))
        assert sum(name.endswith(".safetensors") for name, _ in looked) == 3
        assert {"file /root/tools.py", "file /models/1/config.json"} <= {name for name, _ in looked}
        found += surfaces.hits(iter(looked))
        found += surfaces.hits(surfaces.processes(warden_of(scoped)))
        found += surfaces.hits(surfaces.written_down(scoped))
        assert scoped.exec("env | grep TOKEN || echo none").strip() == "none"
    said = capfd.readouterr()
    assert "fetching" in said.err
    assert not [*found, *found_in(said.out + said.err)]


def test_the_memory_of_processes_is_read(scoped: ScopedSandbox, write: Callable[..., Path]) -> None:
    scoped.serve(write(f"kept = ['x' * 100, '{CORE}']\n@expose\ndef f() -> None: ..."))

    found = surfaces.hits(surfaces.processes(warden_of(scoped)))

    assert {each.partition(" ")[0] for each in found} == {"memory"}


def _everything_is_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "is_taken", lambda *_: True)


def _settings_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "without_names", lambda value, *_: value)


def _notes_of_weights_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "clean_header", lambda _: None)


def _texts_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Names, "mask", lambda _, text: text)


def _originals_are_mounted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "without_names", lambda spec, _: spec)


def _folders_are_named(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        found_models,
        "folder_name",
        lambda number, source: f"{number}-{Path(source.name).name}",
    )


def _names_are_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(found_models, "seal", lambda name, _: name)


def _handles_tell(patch: pytest.MonkeyPatch) -> None:
    def handle(wanted: Any, path: str, found: Any) -> found_models.ModelHandle:
        sealed = seal(wanted.source.name, wanted.source.alias)
        return found_models.ModelHandle(sealed, "model", path, found.location, found.commit)

    patch.setattr(found_models, "_handle", handle)


def _the_token_is_given(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "WITHHELD", frozenset())


def _configs_show_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ModelConfig, "shown", property(lambda self: self.name))


_SWITCHES = [_settings_stay, _originals_are_mounted, _names_are_told]
_MORE_SWITCHES = [
    *(_everything_is_taken, _notes_of_weights_stay, _texts_stay, _folders_are_named),
    *(_handles_tell, _the_token_is_given, _configs_show_it),
]


@pytest.mark.parametrize(
    "switch",
    [*_SWITCHES, *(pytest.param(each, marks=pytest.mark.soak) for each in _MORE_SWITCHES)],
    ids=lambda switch: switch.__name__.strip("_"),
)
def test_with_anything_left_out_the_scan_finds_them(
    switch: Callable[[pytest.MonkeyPatch], None],
    full_hub: Hub,
    models: dict[str, Path],
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch(monkeypatch)
    with started(config(models)) as scoped:
        assert scan(scoped, write(QUICK))
