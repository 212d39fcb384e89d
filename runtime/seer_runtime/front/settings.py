"""What the owner tells a front at its start, over standard input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a front is to run. Never on the command line: it holds secrets."""

    address: str
    """Where gRPC listens: `unix:/path/to/socket` or `host:port`, port 0 for any."""

    call_token_hash: str
    """SHA-256 of the token that may call functions, in hexadecimal."""

    admin_token_hash: str
    """SHA-256 of the token that may do everything."""

    environment: Mapping[str, str] = field(repr=False)
    """The whole environment of the workers."""

    working_directory: str
    """Where the workers run."""

    owner: int | None = None
    """The process whose end ends this one."""

    lifetime: float | None = None
    """Seconds after which the front ends by itself."""

    remove_at_exit: Sequence[str] = ()
    """Folders that go with the front."""

    @classmethod
    def parse(cls, line: bytes) -> Settings:
        """Read settings that were written as JSON."""
        values: dict[str, Any] = json.loads(line)
        return cls(**values)
