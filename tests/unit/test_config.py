"""Configs: what cannot work is refused when it is written down."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import ModelConfig, SandboxConfig
from seer_rpc.errors import ConfigError


def test_a_config_without_anything_is_a_cpu_sandbox() -> None:
    config = SandboxConfig()

    assert (config.gpu, config.gpu_count, config.timeout) == (None, 1, 3600)
    assert (config.models, config.python_packages, config.secrets, config.env) == ([], [], [], {})


def test_configs_do_not_share_their_lists() -> None:
    first, second = SandboxConfig(), SandboxConfig()

    for field in dataclasses.fields(first):
        value = getattr(first, field.name)
        if isinstance(value, list | dict):
            assert value is not getattr(second, field.name), field.name


@pytest.mark.parametrize("gpu", ["T4", "L4", "A10G", "A100", "A100-40GB", "A100-80GB", "H100"])
def test_known_gpus_are_accepted(gpu: str) -> None:
    assert SandboxConfig(gpu=gpu, gpu_count=2).gpu == gpu


MODEL = ModelConfig(name="org/model")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"gpu": "h100"}, "gpu='h100' is not known"),
        ({"gpu": ""}, "gpu='' is not known"),
        ({"gpu": "A100", "gpu_count": 0}, "gpu_count=0 must be at least 1"),
        ({"timeout": 0}, "timeout=0 must be a positive number"),
        ({"timeout": -5}, "timeout=-5 must be a positive number"),
        ({"models": [MODEL, ModelConfig(name="org/other")]}, "2 models have var_name='model'"),
        ({"secrets": ["sk-1234 secret"]}, "is no name of an environment variable"),
        ({"secrets": ["HF_TOKEN=abc"]}, "is no name of an environment variable"),
        ({"secrets": ["1TOKEN"]}, "is no name of an environment variable"),
        ({"env": {"A B": "1"}}, "'A B' is no name of an environment variable"),
        ({"env": {"": "1"}}, "'' is no name of an environment variable"),
        ({"env": {"A\n": "1"}}, "is no name of an environment variable"),
        ({"env": {"A": 1}}, r"env\['A'\] must be text, not int"),
        ({"local_files": [("gone.txt", "/root/x")]}, "there is no file gone.txt"),
        ({"local_files": [(".", "/root/x")]}, "there is no file"),
        ({"local_dirs": [("gone", "/root/x")]}, "there is no folder gone"),
        ({"local_dirs": [(__file__, "/root/x")]}, "there is no folder"),
    ],
)
def test_a_sandbox_that_cannot_work_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        SandboxConfig(**fields)


def test_what_can_work_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.touch()

    SandboxConfig(
        models=[MODEL, ModelConfig(name="org/other", var_name="other")],
        secrets=["HF_TOKEN", "_x1"],
        env={"MODE": "fast"},
        local_files=[(str(file), "/root/data.txt")],
        local_dirs=[(str(tmp_path), "/root/data")],
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "a model needs a name"),
        ({"name": "m", "var_name": "my model"}, "cannot be the name of a variable"),
        ({"name": "m", "var_name": ""}, "cannot be the name of a variable"),
        ({"name": "m", "var_name": "class"}, "cannot be the name of a variable"),
        ({"name": "m", "is_peft": True}, "needs the model that it adapts"),
        ({"name": "m", "base_model": "base"}, "is no adapter"),
    ],
)
def test_a_model_that_cannot_work_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        ModelConfig(**fields)


def test_an_adapter_names_its_base() -> None:
    assert ModelConfig(name="org/adapter", is_peft=True, base_model="org/base").is_peft


def test_a_model_has_these_five_parameters_and_no_others() -> None:
    assert [field.name for field in dataclasses.fields(ModelConfig)] == [
        *("name", "var_name", "hidden", "is_peft", "base_model")
    ]
    with pytest.raises(TypeError, match="torch_dtype"):
        ModelConfig(name="m", torch_dtype="float16")  # type: ignore[call-arg]


def test_an_error_about_a_gpu_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(gpu="V100")
    assert "H100" in caught.value.hint
