"""JupyterLab in a real browser: Debian's chromium, driven from the judges' environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox
from seer_rpc.execution import NotebookSession, create_notebook_session

ROOT = Path(__file__).parents[2]
SCREENSHOT = ROOT / "build" / "jupyterlab.png"
SUITE = Path(__file__).with_name("browser_suite.py")
CASES = 12
CHROMIUM = shutil.which("chromium")
is_ci = bool(os.environ.get("CI") or os.environ.get("SEER_CI"))
pytestmark = pytest.mark.skipif(not CHROMIUM and not is_ci, reason="no chromium")


@pytest.fixture
def session() -> Iterator[NotebookSession]:
    """A session that nothing ran in yet."""
    with Sandbox() as sandbox:
        session = create_notebook_session(sandbox, name="in a browser", keep=False)
        yield session
        session.detach()


def test_people_and_agents_share_a_notebook_in_a_browser(
    session: NotebookSession, judges: Path
) -> None:
    assert CHROMIUM, "CI installs chromium"
    SCREENSHOT.parent.mkdir(exist_ok=True)
    options = f"-c {os.devnull} --rootdir {SUITE.parent} --noconftest -q -p no:cacheprovider"
    python = os.environ.get("SEER_JUDGES_PYTHON", str(judges / "python"))
    done = subprocess.run(
        [python, "-m", "pytest", *options.split(), "--timeout=120", "-rA", SUITE],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "SEER_SESSION": session.session_id,
            "SEER_JUPYTER_URL": session.jupyter_url,
            "SEER_CHROMIUM": CHROMIUM,
            "SEER_SCREENSHOT": str(SCREENSHOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stderr.write(f"{done.stdout[-6000:]}{done.stderr[-2000:]}\nSee {SCREENSHOT}\n")
    assert done.returncode == 0
    assert f"{CASES} passed" in done.stdout
    assert SCREENSHOT.read_bytes().startswith(b"\x89PNG")
