"""Hidden models in sandboxes that serve interfaces: no byte that leaves one, or lies in it, names
them."""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seer_rpc import progress
from seer_rpc.backends.local import machine
from seer_rpc.backends.models import ModelSource
from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox, plan
from seer_rpc.environment import models as found_models
from seer_rpc.errors import IsolationError, ModelNotFoundError, SeerError
from seer_runtime.wire.hiding import Names, files, seal
from tests.hidden import surfaces
from tests.hidden.canary import CORE, found_in
from tests.hidden.models import ADAPTER, BASE, TOKEN, of_here, of_hub
from tests.hub.hub import Hub

_QUICK = '''
    """Tools of an interface that does not load its models."""

    import os
    from pathlib import Path

    @expose
    def configured() -> dict[str, str]:
        """Tell which models there are."""
        return list_configured_models()

    @expose
    def where(name: str) -> str:
        return get_model_path(name)

    @expose
    def read(name: str, file: str) -> str:
        return Path(get_model_path(name), file).read_text()

    @expose
    def die() -> None:
        print("the last line", flush=True)
        os._exit(3)
'''
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


def config(models: dict[str, Path], **fields: Any) -> SandboxConfig:
    """A sandbox with two hidden models, one of the hub and one of here, and the hub's token."""
    return SandboxConfig(
        models=[of_hub(), of_here(models)],
        secrets=["HF_TOKEN"],
        # Nothing answers, which the library would take minutes to believe.
        env={"HF_HUB_OFFLINE": "1"},
        **fields,
    )


@contextmanager
def started(config: SandboxConfig) -> Iterator[ScopedSandbox]:
    """Have one, without the warning that the token is withheld."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "HF_TOKEN")
        scoped = ScopedSandbox(config, backend="local").start()
    with scoped:
        yield scoped


def answers(scoped: ScopedSandbox, *calls: tuple[str, list[Any]]) -> Iterator[tuple[str, str]]:
    """Give what calls of the interface that was served last give, or how they fail."""
    with Session(scoped.connection(list(scoped._interfaces)[-1])) as session:
        for function, arguments in calls:
            try:
                answer = repr(session.call(function, arguments, {}))
            except SeerError as error:
                answer = "".join(traceback.format_exception(error))
            yield f"{function}({arguments})", answer


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
        each for each in surfaces.processes(scoped) if not each[0].startswith("memory")
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
        found += surfaces.hits(surfaces.processes(scoped))
        found += surfaces.hits(surfaces.written_down(scoped))
        assert scoped.exec("env | grep TOKEN || echo none").strip() == "none"
    said = capfd.readouterr()
    assert "fetching" in said.err
    assert not [*found, *found_in(said.out + said.err)]


def test_the_memory_of_processes_is_read(scoped: ScopedSandbox, write: Callable[..., Path]) -> None:
    scoped.serve(write(f"kept = ['x' * 100, '{CORE}']\n@expose\ndef f() -> None: ..."))

    found = surfaces.hits(surfaces.processes(scoped))

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
        assert scan(scoped, write(_QUICK))


# The author's own file may name them; lines of it are in no traceback, nor what it asks for.
_NAMING = f"""
    {{}}
    @expose
    def where(name: str) -> str:
        return get_model_path(name)

    @expose
    def outer() -> str:
        try:
            return get_model_path("org-{CORE}/base-{CORE}-wrong")
        except LookupError as error:
            raise RuntimeError("not there") from error  # base-{CORE}
"""
_TELLING_SOURCE = "from seer_runtime.secrecy import SECRECY\n    SECRECY.shows_source = True"
_TELLING_NAMES = (
    "from seer_runtime.models import ModelPaths\n    ModelPaths.are_hidden = property(lambda _: 0)"
)


@pytest.mark.parametrize(
    ("first", "is_told"), [("", False), (_TELLING_SOURCE, True), (_TELLING_NAMES, True)]
)
def test_errors_do_not_show_what_the_author_wrote(
    first: str, is_told: bool, models: dict[str, Path], write: Callable[..., Path]
) -> None:
    with started(SandboxConfig(models=[of_here(models)])) as scoped:
        scoped.serve(write(_NAMING.format(first), "naming.py"))
        asked = ("where", [str(models["base"])]), ("where", ["other"])
        paths = [answer for _, answer in answers(scoped, *asked)]
        assert paths == ["'/models/0'"] * 2
        told = dict(answers(scoped, ("outer", []), ("where", [f"base-{CORE}-wrong"])))
        assert "naming.py" in told["outer([])"]
        assert bool(surfaces.hits(iter(told.items()))) == is_told


def test_errors_of_fetching_do_not_name_them(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, pickled = f"org-{CORE}", {"config.json": b"{}", f"{CORE}.bin": b"x" * 1000}
    hub.add(f"{org}/pickled-{CORE}", pickled)
    hub.add(f"{org}/gated-{CORE}", pickled, token=TOKEN, is_gated=True)
    hub.add(f"{org}/cut-{CORE}", pickled)
    broken = tmp_path / f"broken-{CORE}.gguf"
    broken.write_bytes(b"none")
    told = {
        f"{org}/nothing-{CORE}": "no model the hidden one (subject)",
        f"{org}/pickled-{CORE}@nothing-{CORE}": "no model the hidden one (subject)",
        f"{org}/pickled-{CORE}": "cannot be hidden: it has no weights in safetensors",
        f"{org}/gated-{CORE}": "hidden is gated",
        f"{org}/cut-{CORE}": "the Hugging Face hub says",
        str(broken): "hidden cannot be converted",
    }

    def error(name: str) -> str:
        if "cut" in name:
            hub.cut(after=10, times=20)
        config = SandboxConfig(models=[ModelConfig(name=name, hidden=True, var_name="subject")])
        with pytest.raises(ModelNotFoundError) as caught:
            ScopedSandbox(config, backend="local").start()
        hub.mend()
        return "".join(traceback.format_exception(caught.value))

    for name, message in told.items():
        said = error(name)
        assert message in said
        assert not found_in(said), said

    monkeypatch.setattr(ModelSource, "masked", lambda _, text: str(text))
    for name in (f"{org}/gated-{CORE}", f"{org}/pickled-{CORE}@nothing-{CORE}"):
        assert found_in(error(name))
    monkeypatch.setattr(ModelSource, "shown", property(lambda self: self.name))
    assert found_in(error(f"{org}/nothing-{CORE}"))


def test_the_network_is_closed_unless_it_is_opened(
    hub: Hub, models: dict[str, Path], write: Callable[..., Path]
) -> None:
    ask = f"import socket; socket.create_connection(('127.0.0.1', {hub.port}), 5)"
    hidden = [of_here(models)]

    with started(SandboxConfig(models=hidden)) as scoped:
        assert scoped.isolation.network
        assert not scoped.run(["python", "-c", ask]).ok
    with started(SandboxConfig(models=hidden, block_network=False)) as scoped:
        assert not scoped.isolation.network
        assert scoped.run(["python", "-c", ask]).ok


def test_where_it_could_be_found_it_is_not_hidden_unless_told_so(
    models: dict[str, Path], hub: Hub
) -> None:
    for level in ("landlock", "none"):
        open_one: dict[str, Any] = {"isolation": level, "block_network": False}
        with pytest.raises(IsolationError, match="cannot be hidden") as caught:
            ScopedSandbox(SandboxConfig(models=[of_hub()], **open_one)).start()
        assert "hide_without_isolation" in caught.value.hint
        told = SandboxConfig(models=[of_here(models)], hide_without_isolation=True, **open_one)
        with started(told) as scoped:
            assert scoped.isolation.level == level
    assert not hub.requests


def test_names_are_masked_in_what_an_interface_gives(
    models: dict[str, Path], write: Callable[..., Path]
) -> None:
    source = f'''
        """About base-{CORE}."""
        import base64

        class OwnError(Exception):
            def __init__(self, text: str) -> None:
                super().__init__(text)
                self.model = text

        @expose
        def results() -> list:
            name = "base-{CORE}"
            return [name, {{name.upper(): [f"org/{{name}}", ("x", name)]}}, name.encode(),
                    base64.b64encode(b"of " + name.encode()).decode(), name.encode().hex()]

        @expose
        def large() -> list:
            return ["base-{CORE} " * 50_000, b"base-{CORE}" + bytes(1 << 20)]

        @expose
        def items():
            yield from ["base-{CORE}", "plain"]

        @expose
        def fail() -> None:
            progress(1, 2, "base-{CORE}")
            print("base-{CORE}")
            raise OwnError("base-{CORE}")
    '''
    hidden = of_here(models)
    calls: list[tuple[str, list[Any]]] = [("results", []), ("large", []), ("fail", [])]
    for masks in (True, False):
        with started(SandboxConfig(models=[hidden], mask_hidden_names=masks)) as scoped:
            file = write(source, "naming.py")
            found = surfaces.hits(surfaces.artefacts(scoped, file))
            found += surfaces.hits(answers(scoped, *calls))
            with Session(scoped.connection("naming")) as session:
                items = list(session.call("items", [], {}))
            found += surfaces.hits((str(item), str(item)) for item in items)
            assert items[1] == "plain"
            found += found_in(scoped.rpc_logs())
            assert bool(found) != masks
            alarms = [line for line in scoped.rpc_logs().splitlines() if "was named" in line]
            assert bool(alarms) == masks
            assert not masks or any("results()" in line for line in alarms)


def test_another_process_serves_with_them_and_hears_no_name(
    full_hub: Hub, models: dict[str, Path], write: Callable[..., Path]
) -> None:
    with started(config(models)) as scoped:
        other = ScopedSandbox.from_id(scoped.sandbox_id)
        with other:
            other.serve(write(_QUICK))
            told = dict(answers(other, ("where", [ADAPTER]), ("where", [BASE]), ("configured", [])))
            assert told["configured([])"].count("/models/") == 3
            assert told[f"where(['{ADAPTER}'])"] == "'/models/0'"
            assert told[f"where(['{BASE}'])"] == "'/models/1'"
            assert not found_in(repr(other.model_handles) + json.dumps(told["configured([])"]))
