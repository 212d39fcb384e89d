"""Exit statuses in words."""

from __future__ import annotations

import signal

STOPPING = "seer: stopping: "
"""Begins the line of the log in which a front that ends by itself says why."""

OLD = "the sandbox reached the end of its lifetime"
UNUSED = "the sandbox ended after"
"""How the reason begins where its time was over, or nobody used it for too long."""


def describe_exit(code: int) -> str:
    """Say in words how a process ended; `code` is negative for a signal."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}"
