"""What tests of sandboxes share: the backends to try, and a way to run Python inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from tests.sandboxes.differences import skip_what_modal_is_not

_INSIDE = """
import os
from pathlib import Path
from typing import Any

HOME = Path.home()
WORKSPACE = HOME.parent / "workspace"


@expose
def run(source: str, **names: Any) -> Any:
    names = {"HOME": HOME, "WORKSPACE": WORKSPACE, **names}
    exec(source, names)
    return names.get("result")
"""

RunInside = Callable[..., Any]


@pytest.fixture(params=["local", "modal"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend; with Modal's what the test cannot be there is left out."""
    if request.param == "modal":
        skip_what_modal_is_not(request)
        request.getfixturevalue("modal_emulator")
    return str(request.param)


@pytest.fixture
def run_inside(tmp_path: Path) -> RunInside:
    """Run Python in a sandbox, with the folders HOME and WORKSPACE; gives its `result`."""
    file = tmp_path / "inside.py"
    file.write_text(_INSIDE)

    def run(sandbox: ScopedSandbox, source: str, **names: object) -> Any:
        with Session(sandbox.serve(file).connection) as session:
            return session.call("run", [source], names)

    return run
