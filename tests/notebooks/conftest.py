"""What tests of notebooks share: a session in each place, since to start one takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seer_rpc.environment import SandboxConfig
from seer_rpc.execution import NotebookSession, create_notebook_session
from tests.sandboxes.places import PLACES, shared_sandbox


@pytest.fixture(params=["local", "modal"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend."""
    if request.param == "modal":
        request.getfixturevalue("modal_emulator")
    return str(request.param)


@pytest.fixture(scope="module", params=PLACES)
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NotebookSession]:
    """A session without models, that ends with this process."""
    with shared_sandbox(request, SandboxConfig()) as sandbox:
        copies = tmp_path_factory.mktemp("copies")
        session = create_notebook_session(sandbox, notebook_dir=copies, keep=False)
        yield session
        session.detach()
