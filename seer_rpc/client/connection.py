"""Where an interface is served and the token that opens it, kept out of every generated file."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.errors import ConnectionFileError
from seer_rpc.locations import PRIVATE_FOLDER

VARIABLE = "SEER_RPC_FILE"


@dataclass(frozen=True)
class Connection:
    """Everything that a client needs to reach one interface."""

    interface: str
    """The name under which it is served."""

    endpoint: str
    """`unix:/path` or `host:port`."""

    token: str = field(repr=False)

    def to_json(self) -> str:
        """Give what a connection file holds."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, file: Path) -> Connection:
        """Read a connection file.

        Raises:
            ConnectionFileError: it is missing, others may read it, or it is no connection file.
        """
        try:
            status = file.stat()
            values = json.loads(file.read_text())
        except FileNotFoundError:
            raise ConnectionFileError(
                f"no connection file at {file}",
                hint="start the sandbox and the session again; they write it",
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise ConnectionFileError(f"{file} is no connection file: {error}") from error
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise ConnectionFileError(
                f"others may read {file}, which holds a secret", hint=f"chmod 600 {file}"
            )
        if status.st_uid != os.geteuid():
            raise ConnectionFileError(f"{file} belongs to another user")
        names = {field.name for field in dataclasses.fields(cls)}
        known = isinstance(values, dict) and values.keys() == names
        if not known or not all(isinstance(value, str) for value in values.values()):
            raise ConnectionFileError(f"{file} is no connection file")
        if not values["token"].isascii():
            raise ConnectionFileError(f"the token in {file} is none that a sandbox would make")
        return cls(**values)

    @classmethod
    def find(cls, interface: str, near: Path) -> Connection:
        """Find the connection of an interface whose library lies at `near`.

        `SEER_RPC_FILE` names the file; else it is `.seer/INTERFACE.json` in the folder of the
        library or in one above.

        Raises:
            ConnectionFileError: there is none, or it cannot be used.
        """
        named = os.environ.get(VARIABLE)
        if named:
            return cls.read(Path(named))
        name = f"{interface}.json"
        files = [folder / PRIVATE_FOLDER / name for folder in near.absolute().parents]
        return cls.read(next((file for file in files if file.exists()), files[0]))
