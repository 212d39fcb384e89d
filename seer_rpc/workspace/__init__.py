"""What a session works with: libraries, and the folder they are put in."""

from seer_rpc.workspace.library import Library
from seer_rpc.workspace.workspace import Workspace

__all__ = ["Library", "Workspace"]
