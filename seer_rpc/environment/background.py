"""Programs that run in a sandbox beside everything else, and say in a line that they are ready."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from seer_rpc.errors import CommandError

_TIMEOUT = 60.0

_START = """
cd "$FOLDER"
setsid "$@" </dev/null >log 2>&1 &
echo $! >pid
until said=$(grep -Eom1 "$SIGN" log); do
  kill -0 $! || { tail -20 log >&2; exit 1; }
  sleep 0.05
done
echo "$said"
"""

# A number that somebody else has by now is no process of that folder.
_LOOK = """
cd "$FOLDER" && pid=$(cat pid) && [ "$(readlink -f /proc/$pid/cwd)" = "$(pwd -P)" ]
"""


class Place(Protocol):
    """What is needed of a sandbox."""

    def write_file(self, path: str, content: str | bytes) -> None:
        """Write a file."""

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command."""


def start_in_background(
    place: Place, folder: str, command: Sequence[str], settings: Mapping[str, Any], sign: str
) -> str:
    """Run a command for as long as the sandbox runs; gives what it says when it is ready.

    Args:
        place: Where.
        folder: A folder of its own in the sandbox's home, where it runs: its log is there.
        command: It finds `settings.json` in the folder, with `settings`: they are no secret.
        settings: What the command is told.
        sign: A regular expression for the text in its log by which it is ready.

    Raises:
        CommandError: it ended; the error has the last of what it said.
        CommandTimeoutError: it is not ready in time.
    """
    place.write_file(f"/root/{folder}/settings.json", json.dumps(settings))
    home = place.exec('printf %s "$HOME"')
    variables = {"FOLDER": f"{home}/{folder}", "SIGN": sign}
    return place.exec(
        ["bash", "-c", _START, "start", *command], timeout=_TIMEOUT, env=variables
    ).strip()


def runs_in_background(place: Place, folder: str) -> bool:
    """Tell whether what was started in a folder, of the sandbox's home, runs still."""
    try:
        place.exec(["bash", "-c", f"cd; FOLDER={folder}{_LOOK}"])
    except CommandError:
        return False
    return True
