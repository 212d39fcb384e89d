"""Models that the Hugging Face hub does not give to everyone: what is said, and how to get them."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

_START = """
import warnings
from seer_rpc.environment import ModelConfig, SandboxConfig, Sandbox
from seer_rpc.errors import ModelNotFoundError
warnings.simplefilter("ignore")
try:
    Sandbox(SandboxConfig(models=[ModelConfig(name="org/model")], secrets=["HF_TOKEN"])).start()
except ModelNotFoundError as error:
    print(error)
"""
_TOKEN = "hf_its_value"


@pytest.fixture(params=["GatedRepo", "RepoNotFound"])
def hub(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A hub that refuses; gives why, and its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403 if request.param == "GatedRepo" else 404)
            self.send_header("X-Error-Code", request.param)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield request.param, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("token", ["", _TOKEN])
def test_a_model_that_is_not_given_says_what_to_do(
    hub: tuple[str, str], token: str, tmp_path: Path
) -> None:
    reason, address = hub
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path)}
    if token:
        environment["HF_TOKEN"] = token

    finished = subprocess.run(
        [sys.executable, "-c", _START], env=environment, capture_output=True, text=True, check=True
    )

    assert ("is gated" in finished.stdout) == (reason == "GatedRepo")
    assert ("HF_TOKEN is not set here" in finished.stdout) == (token == "")
    assert 'secrets=["HF_TOKEN"]' in finished.stdout
    assert "org/model" in finished.stdout
    assert _TOKEN not in finished.stdout + finished.stderr
