"""Sessions: where a workspace is put to use."""

from seer_rpc.execution.cli import CLISession, create_cli_session
from seer_rpc.execution.local import LocalSession, create_local_session

__all__ = ["CLISession", "LocalSession", "create_cli_session", "create_local_session"]
