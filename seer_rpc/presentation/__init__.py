"""Values as programs and people outside Python are shown them."""

from seer_rpc.presentation.arrays import save_array, summarise
from seer_rpc.presentation.clipping import MOST, Clipped, clip
from seer_rpc.presentation.exits import Exit, exit_of
from seer_rpc.presentation.files import keep
from seer_rpc.presentation.jsonable import ShowArray, ShowBytes, to_json
from seer_rpc.presentation.shown import image_format, present, show_bytes

__all__ = [
    "MOST",
    "Clipped",
    "Exit",
    "ShowArray",
    "ShowBytes",
    "clip",
    "exit_of",
    "image_format",
    "keep",
    "present",
    "save_array",
    "show_bytes",
    "summarise",
    "to_json",
]
