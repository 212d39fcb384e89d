"""Sandboxes and what they are configured with."""

from seer_rpc.environment.config import ModelConfig, SandboxConfig
from seer_rpc.environment.models import ModelHandle
from seer_rpc.environment.scoped import ScopedSandbox

__all__ = ["ModelConfig", "ModelHandle", "SandboxConfig", "ScopedSandbox"]
