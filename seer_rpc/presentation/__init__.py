"""Values as programs and people outside Python are shown them."""

from seer_rpc.presentation.arrays import save_array, summarise
from seer_rpc.presentation.clipping import MOST_CHARACTERS, Clipped, clip, clip_items
from seer_rpc.presentation.exits import Exit, exit_of
from seer_rpc.presentation.files import keep
from seer_rpc.presentation.jobs import RUNNING, Progress, job_so_far, last_items
from seer_rpc.presentation.jsonable import to_json
from seer_rpc.presentation.results import present

__all__ = [
    "MOST_CHARACTERS",
    "RUNNING",
    "Clipped",
    "Exit",
    "Progress",
    "clip",
    "clip_items",
    "exit_of",
    "job_so_far",
    "keep",
    "last_items",
    "present",
    "save_array",
    "summarise",
    "to_json",
]
