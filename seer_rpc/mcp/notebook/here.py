"""Sessions of the sandboxes that are written down on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from seer_rpc.errors import NotebookError
from seer_rpc.execution.jupyter import Jupyter, understood
from seer_rpc.execution.notebook_client import checked_info
from seer_rpc.registry import SandboxRecord, running_sandboxes

_PATIENCE = 5.0
_AT_ONCE = 8


@dataclass(frozen=True)
class SessionHere:
    """A session that can be attached to without its URL."""

    session_id: str
    sandbox: str
    """What people call its sandbox."""

    jupyter_url: str = field(repr=False)
    info: Mapping[str, Any] = field(repr=False)


def sessions_here() -> list[SessionHere]:
    """Give those of all sandboxes that run and can be reached."""
    records = [each for each in running_sandboxes() if each.jupyter]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [each for found in pool.map(_sessions_of, records) for each in found]


def session_here(session_id: str) -> SessionHere | None:
    """Give the one with that id; None where there is none."""
    return next((each for each in sessions_here() if each.session_id == session_id), None)


def _sessions_of(record: SandboxRecord) -> list[SessionHere]:
    # One that does not answer has none that can be used.
    with contextlib.suppress(NotebookError):
        return list(_asked(record))
    return []


def _asked(record: SandboxRecord) -> Iterator[SessionHere]:
    server = record.jupyter or {}
    token = server.get("token", "")
    with contextlib.closing(Jupyter(f"{server.get('url')}/?token={token}")) as jupyter:
        answer = jupyter.ask("GET", "", patience=_PATIENCE)
        with understood():
            known = [checked_info(each) for each in answer["items"]]
        for info in known:
            url = jupyter.address.page(info["path"], token)
            yield SessionHere(info["id"], record.name, url, info)
