"""Sandboxes and what they are configured with."""

from seer_rpc.client.commands import CommandResult
from seer_rpc.environment.config import ExecutionMode, ModelConfig, RepoConfig, SandboxConfig
from seer_rpc.environment.containers import ContainerHandle
from seer_rpc.environment.models import ModelHandle
from seer_rpc.environment.pool import Outcome, SandboxPool
from seer_rpc.environment.repos import RepoHandle
from seer_rpc.environment.sandbox import Sandbox
from seer_rpc.environment.scoped import ScopedSandbox
from seer_rpc.environment.work import FileInfo
from seer_rpc.journal import CallRecord
from seer_rpc.snapshots import Snapshot

__all__ = [
    "CallRecord",
    "CommandResult",
    "ContainerHandle",
    "ExecutionMode",
    "FileInfo",
    "ModelConfig",
    "ModelHandle",
    "Outcome",
    "RepoConfig",
    "RepoHandle",
    "Sandbox",
    "SandboxConfig",
    "SandboxPool",
    "ScopedSandbox",
    "Snapshot",
]
