"""Models that sandboxes have: from the Hugging Face hub, or from this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import ConfigError, ModelNotFoundError
from seer_rpc.registry import all_sandboxes
from tests.hub.hub import Hub
from tests.hub.tiny import files_of, make_tiny_model

_TOKEN = "hf_its_value"
_FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 64, "sub/more": b"more"}

_TALK = """
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(get_model_path("org/tiny"))

    @expose
    def next_token(tokens: list[int]) -> int:
        with torch.no_grad():
            return int(model(torch.tensor([tokens])).logits[0, -1].argmax())

    @expose
    def same(one: str, another: str) -> bool:
        return get_model_path(one) == get_model_path(another)
"""


@pytest.fixture
def reached(request: pytest.FixtureRequest, backend: str, hub: Hub) -> Hub:
    """The hub, which sandboxes reach as well."""
    if backend == "modal":
        request.getfixturevalue("modal_emulator").reachable.add(hub.port)
    return hub


def start(backend: str, *models: ModelConfig | str) -> Sandbox:
    """Start a sandbox with models."""
    configs = [
        ModelConfig(name=model, var_name=f"model_{number}") if isinstance(model, str) else model
        for number, model in enumerate(models)
    ]
    return Sandbox(SandboxConfig(models=configs), backend=backend).start()


def test_an_interface_loads_it(
    backend: str, reached: Hub, tmp_path: Path, write: Callable[..., Path]
) -> None:
    tiny = make_tiny_model(tmp_path / "tiny")
    commit = reached.add("org/tiny", files_of(tmp_path / "tiny"))
    models = [ModelConfig(name="org/tiny"), ModelConfig(name=f"org/tiny@{commit}", var_name="same")]

    with (
        ScopedSandbox(SandboxConfig(models=models), backend=backend).start() as scoped,
        Session(scoped.serve(write(_TALK)).connection) as session,
    ):
        assert session.call("next_token", [[1, 2, 3]], {}) == tiny([1, 2, 3])
        assert session.call("same", ["org/tiny", f"org/tiny@{commit}"], {})
        with pytest.raises(ModelNotFoundError, match="org/other"):
            session.call("same", ["org/tiny", "org/other"], {})


def test_it_is_fetched_once_and_stays_as_it_is(backend: str, reached: Hub) -> None:
    commit = reached.add("org/model", _FILES)

    with start(backend, "org/model") as sandbox:
        (handle,) = sandbox.model_handles
        assert (handle.name, handle.var_name, handle.commit) == ("org/model", "model_0", commit)
        for path, content in _FILES.items():
            assert sandbox.read_bytes(f"{handle.path}/{path}") == content
        assert sandbox.exec(
            f"cd {handle.path}; find . -type f ! -name '.*' | LC_ALL=C sort"
        ).split() == [f"./{path}" for path in sorted(_FILES)]
        assert not sandbox.run(f"echo changed > {handle.path}/config.json").ok
        assert Sandbox.from_id(sandbox.sandbox_id).model_handles == [handle]
    assert len(reached.files) == len(_FILES)
    with start(backend, "org/model") as again:
        assert again.model_handles == [handle]
    assert len(reached.files) == len(_FILES)


def test_a_revision_is_what_it_was(backend: str, reached: Hub) -> None:
    first = reached.add("org/model", {"config.json": b"1"})
    second = reached.repos["org/model"].commit({"config.json": b"2"}, "v2")
    third = reached.repos["org/model"].commit({"config.json": b"3"})

    with start(backend, f"org/model@{first}", "org/model@v2", "org/model") as sandbox:
        handles = sandbox.model_handles
        assert [handle.commit for handle in handles] == [first, second, third]
        contents = [sandbox.read_file(f"{handle.path}/config.json") for handle in handles]
        assert contents == ["1", "2", "3"]
    with pytest.raises(ModelNotFoundError, match="no model 'org/model@v3'"):
        start(backend, "org/model@v3")


def test_an_adapter_brings_its_base_once(backend: str, reached: Hub) -> None:
    commit = reached.add("org/base", _FILES)
    reached.add("org/adapter", {"adapter_config.json": b"{}"})
    adapters = [
        ModelConfig(name="org/adapter", var_name=var, is_peft=True, base_model=base)
        for var, base in (("one", "org/base"), ("two", f"org/base@{commit}"))
    ]

    with start(backend, *adapters) as sandbox:
        handles = sandbox.model_handles
        assert [handle.var_name for handle in handles] == ["one", "one", "two", "two"]
        assert [handle.path for handle in handles] == ["/models/0-adapter", "/models/1-base"] * 2
        assert sandbox.read_file("/models/1-base/config.json") == "{}"


def test_a_directory_of_this_machine(backend: str, reached: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "my model"
    (folder / "sub").mkdir(parents=True)
    for path, content in _FILES.items():
        (folder / path).write_bytes(content)

    with start(backend, str(folder)) as sandbox:
        (handle,) = sandbox.model_handles
        assert (handle.path, handle.commit) == ("/models/0-my-model", "")
        for path, content in _FILES.items():
            assert sandbox.read_bytes(f"{handle.path}/{path}") == content
        assert not sandbox.run(f"touch {handle.path}/new").ok
    assert not reached.requests


@pytest.mark.parametrize("token", ["", "hf_of_another", _TOKEN])
@pytest.mark.parametrize("kind", ["is_gated", "is_private"])
def test_who_may_not_have_it_hears_what_to_do(
    backend: str, reached: Hub, kind: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached.add("org/model", _FILES, token=_TOKEN, **{kind: True})
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    if token == _TOKEN:
        start(backend, "org/model").terminate()
        return

    with pytest.raises(ModelNotFoundError, match="org/model") as caught:
        start(backend, "org/model")

    error = caught.value
    assert ("is gated" in error.message) == (kind == "is_gated")
    assert ("HF_TOKEN is not set here" in error.message) == (token == "")
    assert 'secrets=["HF_TOKEN"]' in error.hint
    assert not token or token not in str(error)
    assert not all_sandboxes()


def test_one_that_there_is_not(backend: str, reached: Hub) -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'org/nothing'") as caught:
        start(backend, "org/nothing")
    assert "spelling" in caught.value.hint
    assert not all_sandboxes()


def test_an_adapter_is_not_put_on_another_base_than_its_own(
    backend: str, reached: Hub, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "org/Own"}')
    for name in ("org/own", "org/other"):
        reached.add(name, _FILES)

    def config(base: str) -> ModelConfig:
        return ModelConfig(name=str(adapter), is_peft=True, base_model=base)

    with pytest.raises(ConfigError, match=r"made for 'org/Own', .*base_model is 'org/other'") as it:
        start(backend, config("org/other"))
    assert "its directory" in it.value.hint
    assert not all_sandboxes()
    start(backend, config("org/own")).terminate()

    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.json").write_text("{}")
    start(backend, config(str(copy))).terminate()
