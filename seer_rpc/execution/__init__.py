"""Sessions: where a workspace is put to use."""

from seer_rpc.execution.local import LocalSession, create_local_session

__all__ = ["LocalSession", "create_local_session"]
