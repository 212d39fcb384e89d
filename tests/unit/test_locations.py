"""Where files of this library's own lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from seer_rpc.locations import cache_folder, state_folder


@pytest.mark.parametrize(
    ("given", "folders"),
    [
        ("/base", ["/base/seer", "/base/seer"]),
        ("", ["/home/ann/.local/state/seer", "/home/ann/.cache/seer"]),
        ("relative/base", ["/home/ann/.local/state/seer", "/home/ann/.cache/seer"]),
        ("./base", ["/home/ann/.local/state/seer", "/home/ann/.cache/seer"]),
    ],
)
def test_variables_name_absolute_folders_or_count_as_unset(
    monkeypatch: pytest.MonkeyPatch, given: str, folders: list[str]
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("SEER_CACHE", raising=False)
    for variable in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, given)

    assert [state_folder(), cache_folder()] == [*map(Path, folders)]
