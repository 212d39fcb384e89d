"""A sandbox that another process started, as a server works in it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import NamedTuple

from seer_rpc.client.control import Control
from seer_rpc.client.workbench import Workbench
from seer_rpc.environment.records import way_to
from seer_rpc.environment.work import Work
from seer_rpc.errors import CallCancelledError, ConfigError, SandboxLostError
from seer_rpc.registry import read_record


class Terminal(NamedTuple):
    """What a server of a session is told."""

    sandbox: Path
    """The folder where the sandbox is written down."""

    name: str
    init_code: str
    """Python that runs before any other."""

    instructions: str
    """What models are told of the session."""


def read_terminal(file: Path) -> Terminal:
    """Read what a session wrote down for its server.

    Raises:
        ConfigError: it is something else.
    """
    try:
        values = json.loads(file.read_text())
        texts = [str(values[each]) for each in ("name", "init_code", "instructions")]
        return Terminal(Path(values["sandbox"]), *texts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file} tells of no session: {error}") from error


class Desk(Work):
    """Commands and files in the sandbox; a connection is opened for the first of them."""

    def __init__(self, folder: Path) -> None:
        """Know where the sandbox is written down."""
        self._folder = folder
        self._control: Control | None = None
        self._is_closed = False
        self._opening = threading.Lock()

    def close(self) -> None:
        """Close the connection: what runs is given up, and nothing new begins."""
        with self._opening:
            self._is_closed = True
            control, self._control = self._control, None
        if control is not None:
            control.close()

    def _workbench(self) -> Workbench:
        with self._opening:
            if self._is_closed:
                raise CallCancelledError("it was given up")
            if self._control is None:
                record = read_record(self._folder)
                if record is None or not record.endpoint:
                    raise SandboxLostError(f"sandbox {self._folder.name} has ended")
                self._control = Control(way_to(record))
            return self._control.workbench
