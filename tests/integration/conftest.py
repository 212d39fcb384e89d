"""What integration tests share: one sandbox per module, interfaces served in it from source."""

from __future__ import annotations

import importlib
import itertools
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.execution import LocalSession, create_local_session
from seer_rpc.workspace import Library, Workspace


@pytest.fixture(scope="module")
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ScopedSandbox]:
    """A started sandbox for tests that do not mind what others have served in it.

    It is isolated as the constant ISOLATION of their module says.
    """
    config = SandboxConfig(isolation=getattr(request.module, "ISOLATION", "auto"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("shared")))
        patch.delenv("SEER_BACKEND", raising=False)
        sandbox = ScopedSandbox(config).start()
    with sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def interface_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write an interface from indented source under a name that no other one has."""
    folder = tmp_path_factory.mktemp("interfaces")
    numbers = itertools.count(1)

    def write_file(source: str) -> Path:
        file = folder / f"interface_{next(numbers)}.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return file

    return write_file


@pytest.fixture(scope="module")
def serve_session(
    shared: ScopedSandbox, interface_file: Callable[[str], Path]
) -> Iterator[Callable[[str], Session]]:
    """Serve an interface from indented source in the shared sandbox; gives a session with it."""
    sessions: list[Session] = []

    def serve_one(source: str) -> Session:
        library = shared.serve(interface_file(source))
        sessions.append(Session(shared.connection(library.name)))
        return sessions[-1]

    yield serve_one
    for session in sessions:
        session.close()


@pytest.fixture(scope="module")
def import_library(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Library], ModuleType]]:
    """Import libraries as a local session does; what was imported is forgotten afterwards."""
    folder = tmp_path_factory.mktemp("session")
    sessions: list[LocalSession] = []

    def import_one(library: Library) -> ModuleType:
        sessions.append(
            create_local_session(Workspace(libraries=[library]), folder, name=library.name)
        )
        return importlib.import_module(library.name)

    yield import_one
    for session in sessions:
        session.terminate()


@pytest.fixture(scope="session")
def alive() -> Callable[[int], bool]:
    """Tell whether a process is there and has not ended."""

    def is_alive(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state not in "ZX"

    return is_alive
