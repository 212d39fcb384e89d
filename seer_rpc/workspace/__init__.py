"""What a session works with: libraries, skills and files, and the folder that they are put in."""

from seer_rpc.workspace.library import Library
from seer_rpc.workspace.skill import Skill
from seer_rpc.workspace.workspace import Workspace

__all__ = ["Library", "Skill", "Workspace"]
