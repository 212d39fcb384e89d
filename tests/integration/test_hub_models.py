"""Models of the Hugging Face hub in sandboxes on this machine: what is fetched, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import ModelNotFoundError
from tests.hub.hub import Hub

_WEIGHTS = bytes(range(256)) * 4096
_READER = """
    from pathlib import Path

    @expose
    def size(name: str) -> int:
        return len(Path(get_model_path(name), "model.safetensors").read_bytes())
"""
_FILES = {"config.json": b"{}", "model.safetensors": _WEIGHTS, "sub/more.txt": b"more"}


def start(name: str, **fields: object) -> Sandbox:
    """Start a sandbox with a model."""
    config = SandboxConfig(models=[ModelConfig(name=name)], **fields)  # type: ignore[arg-type]
    return Sandbox(config, backend="local").start()


def refused(name: str, **fields: object) -> ModelNotFoundError:
    """Start one that does not start; gives why."""
    with pytest.raises(ModelNotFoundError) as caught:
        start(name, **fields)
    return caught.value


def test_a_cut_connection_goes_on_where_it_was(hub: Hub) -> None:
    weights = bytes(12 << 20)
    hub.add("org/model", {"model.safetensors": weights})
    hub.cut(after=11 << 20)

    with start("org/model") as sandbox:
        (handle,) = sandbox.model_handles
        assert sandbox.read_bytes(f"{handle.path}/model.safetensors") == weights
    # The library takes 10 MiB at a time.
    assert [request.part for request in hub.files] == ["", "bytes=10485760-"]


def test_what_has_arrived_is_not_fetched_again(hub: Hub) -> None:
    hub.add("org/model", _FILES)
    # Shorter files arrive.
    hub.cut(after=100, times=100)
    assert "no model 'org/model'" in refused("org/model").message
    hub.mend()
    hub.requests.clear()

    start("org/model").terminate()

    assert [Path(request.path).name for request in hub.files] == ["model.safetensors"]


def test_a_warm_cache_needs_no_hub(hub: Hub) -> None:
    commit = hub.add("org/model", _FILES)
    start("org/model").terminate()
    hub.stop()

    with start("org/model") as sandbox:
        assert sandbox.model_handles[0].commit == commit
    error = refused("org/other")
    assert "network" in error.hint


def test_offline_it_is_asked_for_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/model", _FILES)
    start("org/model").terminate()
    hub.requests.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    start("org/model").terminate()

    assert not hub.requests
    assert "network" in refused("org/other").hint


@pytest.mark.parametrize("isolation", ["namespace", "landlock", "none"])
def test_interfaces_read_it_at_each_level(
    hub: Hub, isolation: Literal["namespace", "landlock", "none"], write: Callable[..., Path]
) -> None:
    hub.add("org/model", _FILES)
    config = SandboxConfig(models=[ModelConfig(name="org/model")], isolation=isolation)

    with (
        ScopedSandbox(config, backend="local").start() as scoped,
        Session(scoped.serve(write(_READER)).connection) as session,
    ):
        assert session.call("size", ["org/model"], {}) == len(_WEIGHTS)
