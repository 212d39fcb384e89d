"""The session of an MCP server: one for all, whoever gives up waiting for it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Connection
from seer_rpc.errors import SessionError
from seer_rpc.mcp.interface import sessions
from seer_rpc.mcp.interface.sessions import SharedSession


class Opened:
    """A session, as far as it matters here."""

    lost = None
    epoch = 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Opened]:
    made: list[Opened] = []

    def open_session(*_: object, **__: object) -> Opened:
        ready.wait(60)
        made.append(Opened())
        return made[-1]

    ready = threading.Event()
    threading.Timer(0.1, ready.set).start()
    monkeypatch.setattr(sessions, "Session", open_session)
    monkeypatch.setattr(Connection, "read", lambda file: None)
    return made


def test_who_gives_up_waiting_leaves_the_session_to_others(made: list[Opened]) -> None:
    async def use() -> None:
        shared = SharedSession(Path("connection.json"), "")
        first, second = (asyncio.create_task(shared.get()) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        session: Any = await second
        again: Any = await shared.get()
        assert made == [session]
        assert again is session

    asyncio.run(use())


def test_what_could_not_be_opened_is_tried_again(
    made: list[Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: Path) -> None:
        raise SessionError("gone")

    async def use() -> None:
        shared = SharedSession(Path("connection.json"), "")
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "read", fail)
            with pytest.raises(SessionError):
                await shared.get()
        session: Any = await shared.get()
        assert made == [session]

    asyncio.run(use())
