"""Requests to the Jupyter server of a sandbox."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from seer_rpc.client.cancellation import cut_off
from seer_rpc.errors import (
    CallCancelledError,
    NotebookAccessError,
    NotebookError,
    NotebookMissingError,
)

PREFIX = "/seer/sessions"
_REQUEST = "X-Seer-Request"
"""The header with what a request is called: what is made twice under one name is done once."""

HELD = 5.0
"""Seconds for which the server holds back an answer, until there is news."""

STARTING = 150.0
"""Seconds for which an answer may be waited for that comes when a kernel has started."""

_PATIENCE = HELD + 30.0
_CONNECTING = 10.0
_TRIES = 2
"""New connections for one request."""

_KEPT = 4
"""Connections that stay open for the next request."""

_LARGEST = 1 << 30
"""Bytes of an answer: a notebook has far less."""

_PIECE = 1 << 20

_CUT = (
    *(http.client.RemoteDisconnected, http.client.IncompleteRead),
    *(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError),
)
"""What is raised where a connection ends before the answer does."""

_ODD = (LookupError, TypeError, ValueError, AttributeError, RecursionError)

_OVER = (
    "its sandbox may have ended: sandboxes end by themselves after SandboxConfig(timeout=...) "
    "seconds, an hour by default; `seer ps` lists those that run"
)

_LOOK = {"no such cell": "read the notebook: it gives the ids of its cells"}
"""What to do where a session lacks something, by what its server calls that."""


@dataclass(frozen=True)
class Address:
    """What the URL of a notebook says."""

    scheme: str
    host: str
    port: int
    path: str
    token: str = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read one.

        Raises:
            NotebookAccessError: it is none.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}[parts.scheme]
            (token,) = parse_qs(parts.query)["token"]
            assert parts.hostname
        except (ValueError, KeyError, AssertionError):
            raise NotebookAccessError(
                "that is no URL of a notebook session",
                hint="give jupyter_url whole, as the session has it: it ends in ?token=...",
            ) from None
        path = parts.path.partition("/lab")[0].rstrip("/")
        return cls(parts.scheme, parts.hostname, port, path, token)

    @property
    def shown(self) -> str:
        """The address without what lets in."""
        return f"{self.scheme}://{self.host}:{self.port}{self.path}"

    def page(self, notebook: str, token: str) -> str:
        """Give the URL at which a person sees a notebook."""
        return f"{self.shown}/lab/tree/{quote(notebook)}?{urlencode({'token': token})}"


@dataclass(frozen=True)
class Request:
    """What a server is asked, however often it takes."""

    method: str
    target: str
    content: bytes | None
    id: str = field(default_factory=lambda: secrets.token_hex(8))


class Jupyter:
    """Asks one server; threads may share it."""

    def __init__(self, url: str) -> None:
        """Connect with the first request.

        Raises:
            NotebookAccessError: that is no URL of a notebook.
        """
        self.address = Address.parse(url)
        self._free: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._is_closed = False
        weakref.finalize(self, _close, self._free)

    def ask(
        self, method: str, path: str, body: Any = None, patience: float = _PATIENCE, **query: Any
    ) -> Any:
        """Give the answer to a request below `PREFIX`, which may take `patience` seconds.

        One whose connection is cut is made again, and done once.

        Raises:
            NotebookAccessError: the server is not to be reached, or does not let in.
            NotebookMissingError: it has no such session, cell or execution.
            NotebookError: it refuses.
        """
        target = f"{self.address.path}{PREFIX}{quote(path)}"
        if query:
            target += f"?{urlencode(query)}"
        content = None if body is None else json.dumps(body).encode("utf-8", "surrogatepass")
        status, answer = self._answer(Request(method, target, content), patience)
        if status >= 400:
            raise self._refusal(status, answer)
        with understood():
            return _object(json.loads(answer))

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            self._is_closed = True
            _close(self._free)

    def _answer(self, request: Request, patience: float) -> tuple[int, bytes]:
        for connection in self._connections():
            try:
                self._connect(connection, patience)
                with cut_off(_Cut(connection)):
                    return self._try(connection, request)
            except _CUT as error:
                connection.close()
                problem: Exception = error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                problem = error
                break
            except CallCancelledError:
                connection.close()
                raise
        raise NotebookAccessError(
            f"the notebook server at {self.address.shown} is not to be reached: {problem}",
            hint=_OVER,
        ) from problem

    def _connections(self) -> Any:
        """Give those that were used before, which may be closed by now, and then new ones."""
        while True:
            with self._lock:
                connection = self._free.pop() if self._free else None
            if connection is None:
                break
            yield connection
        for _ in range(_TRIES):
            yield self._new()

    def _new(self) -> http.client.HTTPConnection:
        address = self.address
        if address.scheme == "https":
            trust = ssl.create_default_context()
            return http.client.HTTPSConnection(
                address.host, address.port, timeout=_CONNECTING, context=trust
            )
        return http.client.HTTPConnection(address.host, address.port, timeout=_CONNECTING)

    def _connect(self, connection: http.client.HTTPConnection, patience: float) -> None:
        if connection.sock is None:
            connection.connect()
        # What was set for connecting is too short for answers that are held back.
        connected: socket.socket | None = connection.sock
        assert connected is not None
        connected.settimeout(patience)

    def _try(self, connection: http.client.HTTPConnection, request: Request) -> tuple[int, bytes]:
        headers = {"Authorization": f"token {self.address.token}", _REQUEST: request.id}
        if request.content is not None:
            headers["Content-Type"] = "application/json"
        connection.request(request.method, request.target, request.content, headers)
        with contextlib.closing(connection.getresponse()) as response:
            answer = _read(response)
        with self._lock:
            if len(self._free) < _KEPT and not self._is_closed:
                self._free.append(connection)
            else:
                connection.close()
        return response.status, answer

    def _refusal(self, status: int, answer: bytes) -> NotebookError:
        reason = _reason(answer)
        if status in (401, 403):
            return NotebookAccessError(
                f"the notebook server at {self.address.shown} does not let in who has that token",
                hint="give jupyter_url whole, as the session has it: it ends in ?token=...",
            )
        if status == 404 and reason == "no such session":
            return NotebookMissingError(
                f"the server at {self.address.shown} has no session of that id",
                hint="session_id and jupyter_url belong together: give both as they were printed",
            )
        if status == 404 and reason:
            return NotebookMissingError(f"the session has {reason}", hint=_LOOK.get(reason, ""))
        if status == 404:
            return NotebookAccessError(
                f"what answers at {self.address.shown} is no notebook server of a sandbox",
                hint="give jupyter_url as create_notebook_session gave it",
            )
        return NotebookError(f"the notebook server refuses: {reason or status}")


class _Cut(NamedTuple):
    """An answer that is waited for on a connection."""

    connection: http.client.HTTPConnection

    def cancel(self) -> None:
        """Have the wait end at once."""
        connected: socket.socket | None = self.connection.sock
        if connected is not None:
            # It may have ended just now.
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """Have an answer told as such that is none of a notebook server: what is in sandboxes may lie.

    Raises:
        NotebookAccessError: the block cannot do anything with it.
    """
    try:
        yield
    except _ODD as error:
        raise NotebookAccessError(
            f"the notebook server answers what nobody understands: {type(error).__name__}",
            hint="another program may answer in its place, or one of another version: start the "
            "sandbox again",
        ) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read an answer.

    Raises:
        HTTPException: it is cut, or has no end.
    """
    pieces, size = list[bytes](), 0
    while piece := response.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > _LARGEST:
            raise http.client.HTTPException("its answer has no end")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)


def _close(connections: list[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _reason(answer: bytes) -> str:
    try:
        values = json.loads(answer)
        return str(values.get("reason") or values.get("message") or "")
    except (ValueError, AttributeError):
        return ""
