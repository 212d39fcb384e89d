"""`debug=True`: a code-server beside the sandbox, or a reason why there is none."""

from __future__ import annotations

import hashlib
import json
import os
import urllib.request
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.errors import CodeServerError, ConfigError

# What code-server does as far as a sandbox sees it: it reads its settings, and says where it is.
PROGRAM = """#!/usr/bin/env python3
import http.server, json, os, sys

settings = json.load(open(sys.argv[sys.argv.index("--config") + 1]))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        known = {**settings, "folder": sys.argv[-1], "files": os.listdir(sys.argv[-1])}
        self.wfile.write(json.dumps(known).encode())


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"[info] HTTP server listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
"""


def install(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a program called code-server on PATH."""
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    program = folder / "code-server"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_it_shows_the_workspace_and_knows_the_password_by_its_digest(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "programs", PROGRAM, monkeypatch)
    with Sandbox(SandboxConfig(debug=True), backend=backend) as sandbox:
        sandbox.write_file("notes.txt", "hello")
        url, password = sandbox.code_server_url, sandbox.code_server_password
        assert url is not None
        assert password is not None
        with urllib.request.urlopen(url) as answer:
            known = json.load(answer)
        assert known["files"] == ["notes.txt"]
        assert known["auth"] == "password"
        assert known["hashed-password"] == hashlib.sha256(password.encode()).hexdigest()
        again = Sandbox.from_id(sandbox.sandbox_id)
        assert (again.code_server_url, again.code_server_password) == (url, password)
        seen = sandbox.exec("cat $HOME/.code-server/* /proc/*/cmdline 2>/dev/null; true")
        assert password not in seen
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)
    assert sandbox.code_server_url is None


def test_one_that_does_not_start_says_why(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "programs", "#!/bin/sh\necho no such option >&2; exit 3\n", monkeypatch)
    with pytest.raises(CodeServerError, match="no such option"):
        Sandbox(SandboxConfig(debug=True), backend=backend).start()


def test_without_it_there_is_no_url(backend: str) -> None:
    with Sandbox(backend=backend) as sandbox:
        assert sandbox.code_server_url is None
        assert (sandbox.modal_sandbox is None) == (backend == "local")
        assert sandbox.code_server_password is None


def test_npm_that_cannot_install_it_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_CACHE", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(CodeServerError) as caught:
        Sandbox(SandboxConfig(debug=True)).start()
    assert len(caught.value.message) < 500
    assert "code-server" in caught.value.message
    assert "leave debug out" in caught.value.hint
    assert not list((tmp_path / "code-server").glob("*partial*"))


def test_without_npm_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CodeServerError, match="neither that nor npm"):
        Sandbox(SandboxConfig(debug=True)).start()


def test_it_needs_a_network() -> None:
    with pytest.raises(ConfigError, match="block_network"):
        SandboxConfig(debug=True, block_network=True)
