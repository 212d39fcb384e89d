"""A library served from one sandbox, used in the notebook of another that has no network."""

from __future__ import annotations

from pathlib import Path

from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

_TOOLS = """
import numpy as np

@expose
def double(number: int) -> int:
    return 2 * number

@expose
def count(size: int) -> np.ndarray:
    return np.arange(size)

@expose
def total(values: np.ndarray) -> float:
    return float(values.sum())
"""


def test_it_is_called_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(_TOOLS)
    with ScopedSandbox() as scoped, Sandbox(SandboxConfig(block_network=True)) as sandbox:
        workspace = Workspace(libraries=[scoped.serve(tmp_path / "tools.py")])
        session = create_notebook_session(sandbox, workspace, keep=False)
        assert session.exec("import tools\ntools.double(21)").text == "42\n"
        large = "array = tools.count(3_000_000)\nprint(tools.total(array) == array.sum())"
        assert session.exec(large, timeout=60).text == "True\n"
        session.detach()
