"""Where Python in a sandbox looks for the libraries of a workspace, whatever starts it."""

from __future__ import annotations

import os
from collections.abc import Mapping

LIBRARIES = "/root/libraries"

_VARIABLE = "PYTHONPATH"


def with_libraries(environment: Mapping[str, str], libraries: str, *others: str) -> dict[str, str]:
    """Add the folder of the libraries, as processes find it, and `others` behind it."""
    folders = [environment.get(_VARIABLE, ""), libraries, *others]
    return {**environment, _VARIABLE: os.pathsep.join(filter(None, folders))}
