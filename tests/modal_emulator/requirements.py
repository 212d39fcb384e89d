"""What the emulator needs: the `modal` client and bubblewrap."""

from __future__ import annotations

import importlib.util
import os
import subprocess

import pytest


def require_modal() -> None:
    """Skip where a part is missing; in CI let what needs it fail."""
    if "CI" in os.environ:
        return
    if importlib.util.find_spec("modal") is None:
        _skip("needs the modal client: pip install 'seer-rpc[modal]'")
    if not _has_bubblewrap():
        _skip("needs bubblewrap with namespaces: apt-get install bubblewrap")


def _skip(reason: str) -> None:
    pytest.skip(reason, allow_module_level=True)


def _has_bubblewrap() -> bool:
    command = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "true"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
