"""Where an interface is served and the token that opens it, kept out of every generated file."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from seer_rpc.errors import ConnectionFileError
from seer_rpc.locations import PRIVATE_FOLDER

VARIABLE = "SEER_RPC_FILE"
PUBLIC = "https://"


@dataclass(frozen=True)
class Connection:
    """Everything that a client needs to reach one interface."""

    interface: str
    """The name under which it is served."""

    endpoint: str
    """`unix:/path`, `host:port`, or `https://host:port` where an authority that everybody knows has
    signed the certificate."""

    token: str = field(repr=False)
    ca_certificate: str = field(default="", repr=False)
    """Who signed the runtime's certificate, as PEM. Without it the connection is not encrypted,
    unless the endpoint says otherwise."""

    client_certificate: str = field(default="", repr=False)
    """The client's own certificate, as PEM, where the runtime wants one."""

    client_key: str = field(default="", repr=False)
    server_name: str = ""
    """The name in the runtime's certificate, where that is not the host of the endpoint."""

    @property
    def is_local(self) -> bool:
        """Whether the runtime is on this machine and reached through a socket file."""
        return self.endpoint.startswith("unix:")

    @property
    def address(self) -> str:
        """The endpoint as gRPC reads it."""
        return self.endpoint.removeprefix(PUBLIC)

    @property
    def is_encrypted(self) -> bool:
        """Whether the runtime shows a certificate."""
        return bool(self.ca_certificate) or self.endpoint.startswith(PUBLIC)

    def beside(self, name: str) -> str:
        """Give the file of that name beside the runtime's socket; empty where there is none."""
        socket = PurePath(self.endpoint.removeprefix("unix:"))
        return str(socket.with_name(name)) if name and self.is_local else ""

    def to_json(self) -> str:
        """Give what a connection file holds."""
        values = {name: value for name, value in vars(self).items() if value or name in _NEEDED}
        return json.dumps(values, indent=2) + "\n"

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
        if not _is_connection(values):
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


_KNOWN = frozenset(field.name for field in dataclasses.fields(Connection))
_NEEDED = frozenset({"interface", "endpoint", "token"})
_CERTIFICATES = _KNOWN - _NEEDED - {"server_name"}


def _is_connection(values: object) -> bool:
    if not isinstance(values, dict) or not _NEEDED <= values.keys() <= _KNOWN:
        return False
    if not all(isinstance(value, str) for value in values.values()):
        return False
    given = {name for name in _KNOWN - _NEEDED if values.get(name)}
    certificates = given & _CERTIFICATES
    # A client's certificate is of no use without its key, and nothing is without TLS.
    return (
        certificates in (set(), {"ca_certificate"}, _CERTIFICATES)
        and (bool(certificates) or not given)
        and all(values[name].isascii() for name in given)
    )
