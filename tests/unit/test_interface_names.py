"""The names of interface files, as they are outside a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from seer_rpc import interface
from seer_rpc.errors import ModelNotFoundError
from seer_rpc.interface import expose, get_model_path, list_configured_models
from seer_runtime import references
from seer_runtime.exposure import Exposure
from seer_runtime.models import ModelPaths
from seer_runtime.wire import media
from seer_runtime.worker.arena import Arena
from seer_runtime.worker.reporter import ProgressReporter


def shout(text: str) -> str:
    return text.upper()


def test_expose_gives_the_function_back() -> None:
    assert expose(shout) is shout
    assert expose()(shout) is shout


def test_a_local_folder_is_its_own_model_path(tmp_path: Path) -> None:
    assert get_model_path(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize("name", ["org/model", "/no/such/folder", __file__])
def test_any_other_model_is_an_error_that_says_what_to_do(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match="outside a sandbox") as caught:
        get_model_path(name)
    assert "ScopedSandbox" in caught.value.hint


def test_no_models_are_configured() -> None:
    assert list_configured_models() == {}


def test_these_are_the_names_that_a_sandbox_injects() -> None:
    places = (Exposure, ModelPaths, ProgressReporter, Arena, references, media)
    injected = [dict(vars(place)) for place in places]

    assert len(interface.__all__) == 8
    for name in interface.__all__:
        assert any(name in names for names in injected), name
