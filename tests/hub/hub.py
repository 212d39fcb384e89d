"""The hub: its server, and what goes wrong with it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from tests.hub.repos import Refusal, Repo, etag, no_file, no_repo, no_revision

_INFO = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
_TREE = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)")
_FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Request:
    """A request that came."""

    method: str
    path: str
    part: str
    """What of the file was asked for, as "bytes=100-"; empty for all of it."""

    has_token: bool
    status: int


class Hub:
    """Stands for the hub while its block lasts.

    Attributes:
        requests: What came, in the order in which it was answered.
        repos: The models, by name.
    """

    def __init__(self) -> None:
        """Have no model."""
        self.requests: list[Request] = []
        self.repos: dict[str, Repo] = {}
        self._cuts: list[int] = []
        self._cutting = threading.Lock()
        self._longest = 0
        self._going_on = threading.Event()
        self._going_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        # The end waits for answers that are on their way.
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End."""
        self.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def files(self) -> list[Request]:
        """The requests for contents of files."""
        return [one for one in self.requests if one.method == "GET" and _FILE.fullmatch(one.path)]

    def add(self, name: str, files: Mapping[str, bytes], **access: Any) -> str:
        """Have a model; gives its commit."""
        self.repos[name] = Repo(name, **access)
        return self.repos[name].commit(files)

    def cut(self, after: int, times: int = 1) -> None:
        """Cut the connections of the next files that are longer, after so many bytes."""
        self._cuts += [after] * times

    def mend(self) -> None:
        """Cut nothing any more."""
        self._cuts.clear()

    @contextmanager
    def pause(self, longer_than: int) -> Iterator[None]:
        """Send no more than half of longer files until the block ends."""
        self._longest = longer_than
        self._going_on.clear()
        try:
            yield
        finally:
            self._going_on.set()

    def stop(self) -> None:
        """Answer nobody any more; twice is as good as once."""
        self._going_on.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def send(self, content: bytes, stream: BufferedIOBase) -> None:
        """Send a file, or as much of it as is to arrive."""
        content = content[: self._cut(len(content))]
        half = len(content) // 2
        stream.write(content[:half])
        if len(content) > self._longest:
            self._going_on.wait()
        stream.write(content[half:])

    def _cut(self, length: int) -> int:
        with self._cutting:
            if self._cuts and self._cuts[0] < length:
                return self._cuts.pop(0)
        return length


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    return Handler


class _Handler(BaseHTTPRequestHandler):
    """Answers one request: each has a connection of its own."""

    timeout = 10
    hub: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        for pattern, answer in self._answers():
            if match := pattern.fullmatch(path):
                answer(**match.groupdict())
                return
        self._refuse(no_repo(self._token))

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *_: object) -> None:
        """Print nothing: `Hub.requests` has them."""

    @property
    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _answers(self) -> list[tuple[re.Pattern[str], Callable[..., None]]]:
        return [(_TREE, self._list), (_INFO, self._describe), (_FILE, self._give)]

    def _describe(self, repo: str, revision: str | None) -> None:
        if found := self._find(repo, revision or "main"):
            known, commit = found
            self._send_json(known.describe(commit))

    def _list(self, repo: str, revision: str) -> None:
        if found := self._find(repo, revision):
            known, commit = found
            self._send_json(known.list(commit))

    def _give(self, repo: str, revision: str, path: str) -> None:
        found = self._find(repo, revision)
        if found is None:
            return
        known, commit = found
        content = known.commits[commit].get(path)
        if refusal := known.refuse_files(self._token):
            self._refuse(refusal)
        elif content is None:
            self._refuse(no_file(path))
        else:
            self._send_file(content, commit)

    def _find(self, name: str, revision: str) -> tuple[Repo, str] | None:
        repo = self.hub.repos.get(name)
        refusal = no_repo(self._token) if repo is None else repo.refuse(self._token)
        commit = repo.find(revision) if repo is not None else None
        if repo is None or commit is None or refusal is not None:
            self._refuse(refusal or no_revision(revision))
            return None
        return repo, commit

    def _send_json(self, value: Any) -> None:
        self._send(HTTPStatus.OK, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def _send_file(self, content: bytes, commit: str) -> None:
        headers = {"ETag": f'"{etag(content)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        part = _RANGE.fullmatch(self.headers.get("Range", ""))
        if part is None:
            self._send(HTTPStatus.OK, headers, content, is_file=True)
            return
        begin, end = int(part[1]), int(part[2] or len(content) - 1)
        headers["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
        self._send(HTTPStatus.PARTIAL_CONTENT, headers, content[begin : end + 1], is_file=True)

    def _refuse(self, refusal: Refusal) -> None:
        headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
        self._send(refusal.status, headers, json.dumps({"error": refusal.message}).encode())

    def _send(
        self, status: HTTPStatus, headers: Mapping[str, str], body: bytes, is_file: bool = False
    ) -> None:
        request = Request(
            self.command,
            unquote(urlsplit(self.path).path),
            self.headers.get("Range", ""),
            bool(self._token),
            status.value,
        )
        # Before the answer: whoever has it may look at once.
        self.hub.requests.append(request)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        content = body if self.command == "GET" else b""
        # Who asked may have gone meanwhile.
        with suppress(ConnectionError):
            if is_file:
                self.hub.send(content, self.wfile)
            else:
                self.wfile.write(content)
