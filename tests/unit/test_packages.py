"""Packages: what a config needs."""

from __future__ import annotations

import pytest

from seer_rpc.environment import ModelConfig, SandboxConfig
from seer_rpc.environment.packages import required_packages
from seer_rpc.errors import ConfigError

MODEL = ModelConfig(name="org/model")
ADAPTER = ModelConfig(name="org/adapter", var_name="other", is_peft=True, base_model="org/base")
FOR_MODELS = ["torch", "transformers", "accelerate"]


def names(config: SandboxConfig) -> list[str]:
    return [str(requirement) for requirement in required_packages(config)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SandboxConfig(), []),
        (SandboxConfig(python_packages=["numpy"]), ["numpy"]),
        (SandboxConfig(models=[MODEL]), FOR_MODELS),
        (SandboxConfig(models=[MODEL, ADAPTER]), [*FOR_MODELS, "peft"]),
        (
            SandboxConfig(models=[MODEL], python_packages=["transformers==4.36.0", "numpy"]),
            ["transformers==4.36.0", "numpy", "torch", "accelerate"],
        ),
        (
            SandboxConfig(models=[MODEL], python_packages=["Torch[opt]>=2"]),
            ["Torch[opt]>=2", "transformers", "accelerate"],
        ),
    ],
)
def test_models_bring_their_packages_unless_those_are_named(
    config: SandboxConfig, expected: list[str]
) -> None:
    assert names(config) == expected


@pytest.mark.parametrize("text", ["", "numpy==", "two words", "../local", "-r file.txt"])
def test_what_is_no_requirement_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no requirement") as caught:
        required_packages(SandboxConfig(python_packages=[text]))
    assert repr(text) in caught.value.message
