"""What commands print of what went wrong beside the call."""

from __future__ import annotations

from pathlib import Path

import pytest

from seer_rpc.presentation import Exit
from seer_rpc.shell.output import Printed, result, run_command


@pytest.mark.parametrize("error", [OSError("disk is full"), RecursionError("too deep")])
def test_a_result_that_cannot_be_given_is_told_in_words(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Printed:
        raise error

    assert run_command(fail, "call.py") == Exit.OTHER
    assert capsys.readouterr().err == f"call.py: {type(error).__name__}: {error}\n"


def test_half_a_character_is_escaped_in_files_too(tmp_path: Path) -> None:
    for name in ("text.txt", "text.json"):
        assert result("a\ud800", tmp_path / name).status == Exit.VALUE
    assert (tmp_path / "text.txt").read_text() == "a\\ud800"
    assert (tmp_path / "text.json").read_text() == '"a\\ud800"'
