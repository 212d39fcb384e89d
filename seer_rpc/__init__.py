"""Typed calls into functions around a language model, served from a sandbox.

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Library, Workspace
"""
