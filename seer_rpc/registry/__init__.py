"""The sandboxes of this user, each written down before it is made: no one is ever lost."""

from seer_rpc.registry.processes import ProcessIdentity
from seer_rpc.registry.record import SandboxRecord
from seer_rpc.registry.sandboxes import (
    all_sandboxes,
    ask_with,
    find_sandbox,
    forget,
    is_running,
    read_record,
    register,
    rewrite,
    running_sandboxes,
    stale_sandboxes,
)

__all__ = [
    "ProcessIdentity",
    "SandboxRecord",
    "all_sandboxes",
    "ask_with",
    "find_sandbox",
    "forget",
    "is_running",
    "read_record",
    "register",
    "rewrite",
    "running_sandboxes",
    "stale_sandboxes",
]
