"""Calls through a real sandbox: what a call gives is what the function gives in process."""

from __future__ import annotations

from collections.abc import Callable

from seer_rpc.client import Session


def test_module_state_persists_over_calls(open_session: Callable[[str], Session]) -> None:
    session = open_session(
        """
        seen = []

        @expose
        def remember(value):
            seen.append(value)
            return seen
        """
    )

    assert session.call("remember", [1], {}) == [1]
    assert session.call("remember", ["two"], {}) == [1, "two"]
