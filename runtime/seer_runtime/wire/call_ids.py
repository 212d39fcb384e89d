"""Call ids: how people name one call, in errors, in the log and in the journal."""

from __future__ import annotations


def call_id(session: bytes, seq: int) -> str:
    """Give the id of a session's call; empty for 0, which is none."""
    return f"{session[:3].hex()}-{seq}" if seq else ""
