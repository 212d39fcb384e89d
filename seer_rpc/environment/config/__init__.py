"""What a sandbox is to be, checked when it is written down."""

from seer_rpc.environment.config.model import ModelConfig
from seer_rpc.environment.config.repo import RepoConfig
from seer_rpc.environment.config.sandbox import ExecutionMode, SandboxConfig

__all__ = ["ExecutionMode", "ModelConfig", "RepoConfig", "SandboxConfig"]
