"""The names that the server's settings have."""

from __future__ import annotations

from typing import TypedDict

AHEAD = 10
"""Messages with which a kernel may be ahead of the server, at either end: they can be large."""


class Settings(TypedDict):
    """What the server is told. Everything in the sandbox can read it: it holds no secret."""

    host: str
    port: int
    """0 for any that is free."""

    last_port: int
    """The one to take then if it is free: clients know it. 0 for none."""

    socket: str
    """The socket file to listen at, instead of host and port; empty for these."""

    token_digest: str
    """The digest of the token that may do everything."""

    folder: str
    """Where the notebooks are."""

    sockets: str
    """A folder of the server's own, whose path is short."""
