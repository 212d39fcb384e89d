"""Start a front: `python -m seer_runtime`, its settings in the first line of standard input."""

from __future__ import annotations

import os
import sys

from seer_runtime.wire.settings import Settings


def main() -> None:
    """Confine this process as its settings say, then serve."""
    settings = Settings.from_json(_read_line())
    if settings.confinement is not None:
        from seer_runtime.isolation import confine

        confine(settings.confinement)
    # Not before: threads that gRPC starts would stay as they are.
    from seer_runtime.front.main import main as serve

    serve(settings)


def _read_line() -> bytes:
    """Read up to the end of the line and no further: the rest is the owner's to close."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit("no settings on standard input; fronts are started by seer_rpc's backends")
        line += byte
    return bytes(line)


if __name__ == "__main__":
    main()
