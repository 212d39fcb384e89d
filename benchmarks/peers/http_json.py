"""JSON over HTTP from a single-threaded http.server; a connection for each call."""

from __future__ import annotations

import json
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from benchmarks.peers.process import ServerProcess, announce
from benchmarks.peers.protocol import Echo

_TIMEOUT = 10.0


class HttpPeer:
    """A client that keeps nothing."""

    def __init__(self, server: ServerProcess) -> None:
        """Know the server."""
        self._server = server

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        return self._echo

    def close(self) -> None:
        """End the server."""
        self._server.close()

    def _echo(self, value: Any) -> Any:
        body = json.dumps({"function": "echo", "args": [value]}).encode()
        request = urllib.request.Request(
            self._server.address, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            return json.load(answer)["result"]


def open_peer(_: Path, __: str) -> HttpPeer:
    """Open it."""
    return HttpPeer(ServerProcess(__name__))


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"result": call["args"][0]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _main() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    announce(f"http://127.0.0.1:{server.server_port}/")
    server.serve_forever()


if __name__ == "__main__":
    _main()
