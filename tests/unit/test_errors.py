"""Errors: the tree that is drawn is the tree that is there, and a message shows all it knows."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from seer_rpc import errors
from seer_rpc.errors import SeerError

_LINE = re.compile(r"^([│├└─ ]*)([A-Z]\w+)(?:\s+\S.*)?$")


def drawn() -> dict[str, str]:
    """Read the drawing: each class and the one that it hangs from."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = _LINE.match(line)
        if match and (match[1] or match[2] == "SeerError"):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            parents[match[2]] = path[depth - 1] if depth else "Exception"
    return parents


def actual() -> dict[str, str]:
    return {
        name: cls.__bases__[0].__name__
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, SeerError)
    }


def test_the_tree_that_is_drawn_is_the_tree_that_is_there() -> None:
    assert len(drawn()) > 20
    assert drawn() == actual()


def test_every_error_is_exported_and_nothing_else() -> None:
    assert errors.__all__ == sorted(actual())


def test_the_builtin_classes_that_are_drawn_are_bases_and_no_others_are() -> None:
    for line in (errors.__doc__ or "").splitlines():
        match = _LINE.match(line)
        if match is None or match[2] not in actual():
            continue
        builtin = re.search(r"\(an? (\w+)\)$", line)
        others = [base.__name__ for base in vars(errors)[match[2]].__bases__[1:]]
        assert others == ([builtin[1]] if builtin else []), match[2]


def test_a_message_alone_is_shown_alone() -> None:
    assert str(SeerError("what")) == "what"


def test_everything_that_is_known_is_shown() -> None:
    error = SeerError(
        "what",
        hint="do this",
        remote_traceback="Traceback\n  x\n",
        log=["a", "b"],
        call_id="3fa94c-17",
    )

    assert str(error) == (
        "what\n\nIn the sandbox:\nTraceback\n  x\n\nLast lines of the log:\na\nb\n\n"
        "Call: 3fa94c-17\n\nWhat to do: do this"
    )


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_survives_pickling_and_copying(name: str) -> None:
    cls: type[SeerError] = getattr(errors, name)
    error = cls("what", hint="h", remote_traceback="t", log=["l"], exit_code=-9, started=True)

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is cls
        assert (str(twin), vars(twin)) == (str(error), vars(error))
        assert (twin.message, twin.exit_code, twin.started) == ("what", -9, True)
