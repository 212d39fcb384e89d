"""Packages: what a config needs, and what is said where something is missing."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from seer_rpc.backends.packages import check_installed
from seer_rpc.environment import ModelConfig, SandboxConfig
from seer_rpc.environment.packages import required_packages
from seer_rpc.errors import ConfigError, PackageMissingError

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


@pytest.mark.parametrize(
    "text",
    [
        *("pytest", "PyTest", "pytest>=1", "pytest[dev]", "typing.extensions", "Typing_Extensions"),
        'no-such-package; python_version < "3"',
    ],
)
def test_what_is_installed_or_not_needed_passes(text: str) -> None:
    check_installed([Requirement(text)])


@pytest.mark.parametrize("text", ["no-such-package-at-all", "pytest<1", "pytest==0.1"])
def test_what_is_missing_is_an_error_that_says_how_to_install_it(text: str) -> None:
    with pytest.raises(PackageMissingError) as caught:
        check_installed([Requirement("pytest"), Requirement(text)])

    assert caught.value.message == f"the sandbox would lack {text}"
    assert caught.value.hint.startswith("pip install ")


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(PackageMissingError, match=r"lack no-such-a, no-such-b>1") as caught:
        check_installed(map(Requirement, ["no-such-a", "pytest", "no-such-b>1"]))
    assert caught.value.hint == "pip install no-such-a 'no-such-b>1'"
