"""The fixture `hub`, and what has to be set for the library to ask it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that this process and its children ask, with a cache of their own and no token."""
    pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install '.[models]'")
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
        monkeypatch.delenv(name)
    with Hub() as running:
        _point(running.url, tmp_path_factory.mktemp("hub"), monkeypatch)
        yield running


def _point(url: str, home: Path, patch: pytest.MonkeyPatch) -> None:
    variables = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for name, value in variables.items():
        patch.setenv(name, value)
    # What the library has read already, when this process imported it.
    constants = "huggingface_hub.constants"
    patch.setattr(f"{constants}.ENDPOINT", url)
    patch.setattr(
        f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    patch.setattr(f"{constants}.HF_HUB_CACHE", str(home / "hub"))
    patch.setattr(f"{constants}.HF_TOKEN_PATH", str(home / "token"))
    patch.setattr(f"{constants}.HF_HUB_OFFLINE", False)
    patch.setattr(f"{constants}.HF_HUB_DISABLE_PROGRESS_BARS", True)
