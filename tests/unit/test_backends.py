"""Backends: which one runs a sandbox, and what is said where none can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seer_rpc.backends import MachineSpec, choose_backend, load_backend
from seer_rpc.errors import BackendError


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no credentials, and a home of one's own to put some in."""
    for variable in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "MODAL_CONFIG_PATH", "SEER_BACKEND"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_sandbox_without_a_gpu_runs_here() -> None:
    assert choose_backend(None, None) == "local"


def test_a_gpu_without_credentials_is_an_error_with_both_ways_out() -> None:
    with pytest.raises(BackendError, match="gpu='H100' needs Modal") as caught:
        choose_backend(None, "H100")

    assert "modal token new" in caught.value.hint
    assert "SEER_BACKEND=local" in caught.value.hint


def test_a_gpu_runs_on_modal_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-1")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-1")

    assert choose_backend(None, "H100") == "modal"
    assert choose_backend(None, None) == "local"


def test_a_gpu_runs_on_modal_with_its_configuration_file(own_home: Path) -> None:
    (own_home / ".modal.toml").write_text('[default]\ntoken_id = "ak-1"\ntoken_secret = "as-1"\n')

    assert choose_backend(None, "H100") == "modal"


def test_modals_configuration_file_can_lie_elsewhere(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own_home / "elsewhere.toml"
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(file))

    with pytest.raises(BackendError):
        choose_backend(None, "H100")
    file.write_text('[default]\ntoken_id = "ak-1"\ntoken_secret = "as-1"\n')
    assert choose_backend(None, "H100") == "modal"


@pytest.mark.parametrize("gpu", [None, "H100"])
def test_the_environment_decides_over_the_gpu(
    gpu: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_BACKEND", "local")
    assert choose_backend(None, gpu) == "local"
    monkeypatch.setenv("SEER_BACKEND", "modal")
    assert choose_backend(None, gpu) == "modal"


@pytest.mark.parametrize("gpu", [None, "H100"])
def test_what_is_requested_decides_over_the_environment(
    gpu: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_BACKEND", "modal")

    assert choose_backend("local", gpu) == "local"


def test_an_empty_variable_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEER_BACKEND", "")

    assert choose_backend(None, None) == "local"


def test_the_local_backend_can_be_loaded() -> None:
    assert callable(load_backend("local").start)


@pytest.mark.parametrize("name", ["nowhere", "", "protocol", "../local", "Local"])
def test_a_backend_that_there_is_not_is_an_error_that_lists_them(name: str) -> None:
    with pytest.raises(BackendError, match="it has: local"):
        load_backend(name)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": "ubuntu:22.04"}, "cannot have image='ubuntu:22.04'"),
        ({"region": "us"}, "region='us'"),
        ({"has_docker": True}, "cannot have docker=True"),
        ({"allowed": ["203.0.113.0/24"]}, "has no use for allow_from="),
    ],
)
def test_what_there_is_not_on_this_machine_is_refused_with_a_remedy(
    fields: dict[str, Any], message: str
) -> None:
    spec = MachineSpec(
        sandbox_id="none",
        name="none",
        gpu=None,
        packages=[],
        lifetime=60,
        environment={},
        call_token_digest="",
        admin_token_digest="",
        **fields,
    )
    with pytest.raises(BackendError, match=message) as caught:
        load_backend("local").check(spec)
    assert "leave" in caught.value.hint
