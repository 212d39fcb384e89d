"""The door: sessions of clients on this host, over a plain unix-domain socket."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Sequence

from seer_runtime.front.clients import Client, Sessions
from seer_runtime.wire.frames import (
    HEADER,
    Frame,
    FrameError,
    Kind,
    decode_frame,
    encode_frame,
    parse_header,
)
from seer_runtime.wire.settings import token_digest

_HANDSHAKE = 5.0
"""Seconds that a client gets to show its token."""

_LARGEST = 4 << 20
"""Bytes of one message: what is larger comes in chunks."""

_ENDS = (OSError, EOFError, FrameError, asyncio.TimeoutError)
"""What ends a connection."""


class Door:
    """Takes connections, whose first frame shows the token."""

    def __init__(self, sessions: Sessions, digests: Sequence[str]) -> None:
        """Let in who has a token of one of these digests."""
        self._sessions = sessions
        self._digests = digests

    async def open(self, path: str) -> asyncio.Server:
        """Listen at `path`."""
        return await asyncio.start_unix_server(self._serve, path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the front's end alone, of which asyncio would print a traceback for each one.
        with contextlib.suppress(*_ENDS, asyncio.CancelledError):
            if await asyncio.wait_for(self._is_welcome(reader), _HANDSHAKE):
                writer.write(_WELCOME)
                await self._talk(reader, writer)
        writer.close()

    async def _is_welcome(self, reader: asyncio.StreamReader) -> bool:
        hello = decode_frame(await _read(reader))
        shown = token_digest(str(hello.body, "utf-8", "surrogateescape"))
        known = [hmac.compare_digest(shown, digest) for digest in self._digests]
        return hello.kind is Kind.HELLO and any(known)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self._sessions, is_on_this_host=True)
        reading = asyncio.create_task(_take(reader, client))
        try:
            while (message := await client.message()) is not None:
                writer.write(message)
                await writer.drain()
        finally:
            reading.cancel()
            client.close()


async def _take(reader: asyncio.StreamReader, client: Client) -> None:
    try:
        while True:
            client.take(await _read(reader))
    except (OSError, EOFError, FrameError):
        client.end()


async def _read(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER.size)
    size = parse_header(header).rest_length
    if size > _LARGEST:
        raise FrameError(f"a message of {size} bytes")
    return header + await reader.readexactly(size)


_WELCOME = encode_frame(Frame(Kind.WELCOME))
