"""Model paths: a configured name finds its directory, any other is an error that helps."""

from __future__ import annotations

import pytest

from seer_runtime.models import ModelPaths, UnknownModelError

PATHS = {
    "org/plain": "/models/0-plain",
    "org/pinned@abc": "/models/1-pinned",
    "/local/folder": "/models/2-folder",
    "org/both": "/models/3-both",
    "org/both@v1": "/models/4-both",
}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("org/plain", "/models/0-plain"),
        ("org/pinned@abc", "/models/1-pinned"),
        ("org/pinned", "/models/1-pinned"),
        ("/local/folder", "/models/2-folder"),
        ("org/both", "/models/3-both"),
        ("org/both@v1", "/models/4-both"),
    ],
)
def test_a_model_is_found_with_or_without_its_revision(name: str, path: str) -> None:
    assert ModelPaths(PATHS).get_model_path(name) == path


@pytest.mark.parametrize("name", ["org/other", "org/pinned@other", "org/plain@abc", "plain", ""])
def test_an_unknown_model_is_an_error(name: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        ModelPaths(PATHS).get_model_path(name)

    message = str(caught.value)
    assert message.startswith(f"no model {name!r} is configured (configured: /local/folder, ")
    assert f"ModelConfig(name={name!r})" in message


def test_an_error_says_that_nothing_is_configured() -> None:
    with pytest.raises(LookupError, match=r"\(configured: none\)"):
        ModelPaths({}).get_model_path("org/model")


def test_the_list_of_models_is_the_callers_own() -> None:
    paths = ModelPaths(PATHS)

    paths.list_configured_models().clear()

    assert paths.list_configured_models() == PATHS
