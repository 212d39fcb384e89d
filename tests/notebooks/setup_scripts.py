"""Scripts that set up a session, run as users run them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seer_rpc.environment import Sandbox
from seer_rpc.registry import running_sandboxes


@contextlib.contextmanager
def printed_by(script: Path) -> Iterator[dict[str, Any]]:
    """Run a script in its folder; gives what it prints, and ends its sandbox afterwards."""
    finished = subprocess.run(
        [sys.executable, script.name],
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        assert finished.returncode == 0, finished.stderr
        # Standard output is the script's own.
        yield json.loads(finished.stdout)
    finally:
        for record in running_sandboxes():
            Sandbox.from_id(record.id).terminate()
