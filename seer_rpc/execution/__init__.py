"""Sessions: where a workspace is put to use."""

from seer_rpc.execution.cells import CellResult, Execution
from seer_rpc.execution.cli import CLISession, create_cli_session
from seer_rpc.execution.copies import fork_notebook_session, resume_notebook_session
from seer_rpc.execution.local import LocalSession, create_local_session
from seer_rpc.execution.notebook import NotebookSession, create_notebook_session
from seer_rpc.execution.notebook_client import NotebookClient, attach_notebook_session

__all__ = [
    "CLISession",
    "CellResult",
    "Execution",
    "LocalSession",
    "NotebookClient",
    "NotebookSession",
    "attach_notebook_session",
    "create_cli_session",
    "create_local_session",
    "create_notebook_session",
    "fork_notebook_session",
    "resume_notebook_session",
]
