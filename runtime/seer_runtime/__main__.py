"""Start a front: `python -m seer_runtime`, its settings in the first line of standard input.

On a machine that is rented they are in a variable.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys

from seer_runtime.wire.settings import SETTINGS, Settings

_OWN = ("/workspace", "/models")


def main() -> None:
    """Confine this process as its settings say, then serve."""
    settings = _read_settings()
    if settings.confinement is not None:
        from seer_runtime.isolation import confine

        confine(settings.confinement)
    # Not before: threads that gRPC starts would stay as they are.
    from seer_runtime.front.main import main as serve

    serve(settings)


def _read_settings() -> Settings:
    line = os.environ.pop(SETTINGS, None)
    if line is None:
        return Settings.from_json(_read_line())
    return _at_home(Settings.from_json(line))


def _at_home(settings: Settings) -> Settings:
    """Have the folders that a sandbox has, and add to the settings what the machine itself sets."""
    # A snapshot may have brought those of another front.
    shutil.rmtree(settings.sockets, ignore_errors=True)
    for folder in (*_OWN, settings.working_directory, settings.sockets):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    # gRPC's are this process's alone.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    return dataclasses.replace(settings, environment={**own, **settings.environment})


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
