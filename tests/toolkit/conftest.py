"""What tests of the toolkit share: one small model after the other as its subject."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Subject, subjects
from tests.toolkit.families import FAMILIES, byte_tokenizer, tiny


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # PEFT asks transformers in words that this one would rather not hear.
    told = "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(told))


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return byte_tokenizer()


@cache
def _tiny(family: str) -> Any:
    return tiny(family)


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def any_subject(family: str, tokenizer: Any) -> Iterator[Subject]:
    """A model of each family, one after the other."""
    yield toolkit.use(_tiny(family), tokenizer)
    subjects._subject = None


@pytest.fixture
def subject(tokenizer: Any) -> Iterator[Subject]:
    """One model, where families make no difference."""
    yield toolkit.use(_tiny("llama"), tokenizer)
    subjects._subject = None
