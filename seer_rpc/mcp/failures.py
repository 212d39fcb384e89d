"""What a model is told when a call gave no value."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from fastmcp.tools import ToolResult

from seer_rpc.errors import RemoteError, SchemaChangedError, SeerError, SessionError
from seer_rpc.mcp.results import refusal
from seer_rpc.presentation import clip

_MOST = 12_000
"""Characters of an error: tracebacks of recursions are long, and alike."""

_META = "seer-rpc/error"


_GONE = (
    "No tool of this server works until its sandbox runs again: start the script that serves it, "
    "then connect the client to the server that it configures."
)


def failure(error: SeerError, folder: Path, gone: str | None = None) -> ToolResult:
    """Say what went wrong, where in the user's code, and what to do.

    What is too long goes into a file of `folder`. `gone` is the advice where the sandbox is.
    """
    kind = type(error).__name__
    if isinstance(error, RemoteError):
        # The message names the class that the function raised.
        kind, text = error.exception, str(error)
    else:
        text = f"{kind}: {error}"
    advice = _advice(error, gone or _GONE)
    details = {
        "type": kind,
        "message": error.message[:_MOST],
        "call_id": error.call_id,
        "started": error.started,
        "state": error.state,
    }
    return refusal("\n\n".join([_clipped(text, folder), *advice]), {_META: details})


def _advice(error: SeerError, gone: str) -> list[str]:
    match error:
        case SchemaChangedError():
            return ["This server still has the earlier version's tools: restart it in the client."]
        case SessionError():
            return [gone]
    return []


def _clipped(text: str, folder: Path) -> str:
    # On a full disk, too, something is to be said.
    with suppress(OSError):
        return str(clip(text, folder, most=_MOST) or text)
    return text[:_MOST]
