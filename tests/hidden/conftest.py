"""What tests of hidden models share: models made once, a hub that has them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hidden.models import TOKEN, make_models, on_hub
from tests.hub.hub import Hub


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes long to `make soak`."""
    if os.environ.get("SEER_SOAK"):
        return
    late = [item for item in items if item.get_closest_marker("soak")]
    items[:] = [item for item in items if item not in late]
    config.hook.pytest_deselected(items=late)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The directories of a model and of an adapter."""
    return make_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def full_hub(hub: Hub, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub that has both, and gives them to whoever has the token."""
    on_hub(hub, models)
    for repo in hub.repos.values():
        repo.token, repo.is_private = TOKEN, True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub
