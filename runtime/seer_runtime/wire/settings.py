"""What the owner tells a front at its start: over standard input, or in a variable."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SETTINGS = "SEER_SETTINGS"
"""The variable that holds them where there is no standard input: on a machine that is rented."""

USED = "used"
"""A file in the folder of sockets: when it was last written to, a notebook was last used."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """Where gRPC listens for other machines, and what guards it."""

    address: str
    """`host:port`; with port 0 the front picks one and says which."""

    certificate: str = field(default="", repr=False)
    """As PEM; without one nothing is encrypted."""

    key: str = field(default="", repr=False)
    client_authority: str = field(default="", repr=False)
    """The certificate, as PEM, of who signs those of clients; without it they need none."""

    allowed: Sequence[str] = ()
    """The networks whose calls are answered; none for all."""


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """What a front takes from itself before it starts anything."""

    restricts_files: bool = False
    """Whether nothing but what is named here can be reached."""

    writable: Sequence[str] = ()
    readable: Sequence[str] = ()
    """Files and folders that can be read, and run."""

    has_network: bool = True


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a front is to run. Never on the command line: it holds secrets."""

    sandbox_id: str
    address: str
    """Where gRPC listens: `unix:/path/to/socket` or `host:port`."""

    call_token_digest: str
    """The digest of the token that may call functions."""

    admin_token_digest: str
    """The digest of the token that may do everything."""

    environment: Mapping[str, str] = field(repr=False)
    """The whole environment of the workers; on a rented machine what is added to its own."""

    working_directory: str
    """Where the workers run."""

    folders: Mapping[str, str] = field(default_factory=dict)
    """Where the folders lie that the sandbox names `/workspace` and the like; empty where these are
    their paths."""

    sockets: str
    """A folder for sockets that nobody else may enter; its path is short."""

    lifetime: float | None = None
    """Seconds after which the front ends by itself."""

    idle_timeout: float | None = None
    """Seconds without use after which it does."""

    is_detached: bool = False
    """Whether it outlives its owner from the start."""

    unowned_timeout: float | None = None
    """Seconds without a call of anybody's after which its owner, who has no pipe to it, is taken to
    be gone; None for an owner with standard input, whose end says so."""

    confinement: Confinement | None = None
    memory_events: str = ""
    """A file whose line `oom_kill N` counts the processes that were killed for want of memory."""

    memory_limit: int | None = None
    """Bytes that all processes may use together."""

    masked_names: Sequence[str] = field(default=(), repr=False)
    """Names of hidden models that are masked in whatever leaves a worker."""

    port: Port | None = None
    python: str = ""
    """The interpreter of the workers; the front's own without one."""

    journal: str = ""
    """The folder for the journal of calls, whose lock shows that the front runs; none is kept
    without."""

    def to_json(self) -> bytes:
        """Give the one line that the front reads."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, line: str | bytes) -> Settings:
        """Read what `to_json` gave."""
        values = json.loads(line)
        port, confinement = values.pop("port"), values.pop("confinement")
        return cls(
            **values,
            port=Port(**port) if port else None,
            confinement=Confinement(**confinement) if confinement else None,
        )


def token_digest(token: str) -> str:
    """Give what a sandbox may know of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
