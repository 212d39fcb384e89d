"""What tests of sandboxes share: the backends to try, and a way to run Python inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from tests.sandboxes.differences import skip_what_modal_is_not
from tests.sandboxes.places import GPUS, PLACES, name_gpus

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests in every place, those of the core with GPUs on Modal as well."""
    more = [GPUS] if metafunc.definition.get_closest_marker("on_gpus") else []
    if "shared" in metafunc.fixturenames:
        metafunc.parametrize("shared", [*PLACES, *more], indirect=True, scope="module")
    elif "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", ["local", "modal", *more], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a backend; with Modal's what the test cannot be there is left out."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == GPUS:
            name_gpus(patch)
        if request.param == "local":
            yield "local"
            return
        skip_what_modal_is_not(request)
        request.getfixturevalue("modal_emulator")
        yield "modal"


@pytest.fixture
def run_inside(tmp_path: Path) -> RunInside:
    """Run Python in a sandbox, with the folders HOME and WORKSPACE; gives its `result`."""
    file = tmp_path / "inside.py"
    file.write_text(_INSIDE)

    def run(sandbox: ScopedSandbox, source: str, **names: object) -> Any:
        with Session(sandbox.serve(file).connection) as session:
            return session.call("run", [source], names)

    return run
