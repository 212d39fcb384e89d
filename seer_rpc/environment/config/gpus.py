"""GPUs that a config can name, and what fits on them."""

from __future__ import annotations

import re

from seer_rpc.errors import ConfigError
from seer_runtime.wire.names import did_you_mean

MEMORY = {
    "T4": 16,
    "L4": 24,
    "A10G": 24,
    "A100": 40,
    "A100-40GB": 40,
    "A100-80GB": 80,
    "H100": 80,
}
"""GB of each one, the smaller ones first."""

_MOST = 8
_COUNTED = re.compile(r"(?P<name>.+):(?P<count>\d+)")


def gpu_name(text: str) -> str:
    """Give a GPU's name as it is known, in whatever case it is written.

    Raises:
        ConfigError: there is none of that name; the message says what to write.
    """
    known = {name.lower(): name for name in MEMORY}
    if name := known.get(text.strip().lower()):
        return name
    if match := _COUNTED.fullmatch(text):
        name = known.get(match["name"].lower(), match["name"])
        raise ConfigError(
            f"gpu={text!r}: how many there are is a field of its own",
            hint=f'write gpu="{name}", gpu_count={match["count"]}',
        )
    guess = did_you_mean(text.upper(), MEMORY)
    raise ConfigError(f"gpu={text!r} is not known{guess}", hint=f"one of {', '.join(MEMORY)}")


def check_count(count: int) -> None:
    """Check how many GPUs there are to be.

    Raises:
        ConfigError: as many one machine cannot have.
    """
    if not 1 <= count <= _MOST:
        raise ConfigError(f"gpu_count={count} must be at least 1 and at most {_MOST}")


def smallest_that_holds(gigabytes: float) -> str | None:
    """Give the fields of the smallest GPUs with so much memory, or None where none have."""
    for count in (1, 2, 4, _MOST):
        for name, memory in MEMORY.items():
            # Several small ones for what one large one holds are slower.
            if memory * count >= gigabytes and (count == 1 or memory == max(MEMORY.values())):
                return f'gpu="{name}"' + (f", gpu_count={count}" if count > 1 else "")
    return None
