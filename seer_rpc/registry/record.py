"""What is written down of a sandbox."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from seer_rpc.locations import sandboxes_folder
from seer_rpc.registry.processes import ProcessIdentity

_SHORTEST = 4
"""Characters of an id that are taken for one."""


@dataclass(frozen=True, kw_only=True)
class SandboxRecord:
    """A sandbox, as others than its owner know it. It holds its tokens: not to be shown."""

    id: str
    name: str
    """The one for people; the id where it was given none."""

    backend: str
    owner: ProcessIdentity
    """The process that started it."""

    created: str
    """ISO 8601, UTC."""

    timeout: float
    """Seconds after which it ends."""

    idle_timeout: float | None = None
    is_detached: bool = False
    """Whether it outlives its owner."""

    call_token: str = field(repr=False)
    admin_token: str = field(repr=False)
    endpoint: str = ""
    """Where its runtime speaks gRPC; empty until it runs."""

    isolation: Mapping[str, Any] = field(default_factory=dict)
    """What keeps it apart from this machine; empty until it runs."""

    models: Sequence[Mapping[str, str]] = ()
    model_configs: Sequence[Mapping[str, Any]] = ()
    """What kernels are to do with them."""

    repos: Sequence[Mapping[str, Any]] = ()
    network: Mapping[str, str] | None = field(default=None, repr=False)
    """How other machines reach it."""

    code_server: Mapping[str, str] | None = field(default=None, repr=False)
    """Where VS Code for it is, and the password."""

    jupyter: Mapping[str, str] | None = field(default=None, repr=False)
    """Where its Jupyter server is, and the token."""

    summary: Mapping[str, Any] = field(default_factory=dict)
    """What was asked for, without any value of a variable."""

    @property
    def folder(self) -> Path:
        """Its folder on this machine."""
        return sandboxes_folder() / self.id

    @property
    def started(self) -> datetime:
        """When it was created."""
        return datetime.fromisoformat(self.created)

    def is_called(self, text: str) -> bool:
        """Tell whether that is its name, or how its id begins."""
        return self.name == text or (len(text) >= _SHORTEST and self.id.startswith(text))

    def to_json(self) -> str:
        """Give what is written down."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            values = json.loads(text)
            return cls(**{**values, "owner": ProcessIdentity(*values["owner"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no record of a sandbox: {error}") from None
