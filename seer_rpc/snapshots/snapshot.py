"""What is known of a snapshot."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The files of a sandbox as they were: `Sandbox.from_snapshot` starts another one from it.

    `json.dumps(dataclasses.asdict(snapshot))` is what to note down; its id is enough.
    """

    id: str
    description: str
    created: str
    """ISO 8601, UTC."""

    sandbox_id: str
    sandbox_name: str
    backend: str
    size: int | None
    """Bytes of the contents. What another snapshot has too takes no room again. None where nobody
    here knows."""

    files: int | None
    """How many there are; None where nobody here knows."""

    skipped: tuple[str, ...] = ()
    """What is no file, folder or link, or could not be read: each with the reason."""

    unsettled: tuple[str, ...] = ()
    """Files that were written to all the time: one may be older at its beginning than its end."""

    image: str = ""
    """What the backend keeps it as, where it is not here."""

    def to_json(self) -> str:
        """Give it as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            values = json.loads(text)
            lists = {name: tuple(map(str, values[name])) for name in ("skipped", "unsettled")}
            return cls(**{**values, **lists})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no snapshot: {error}") from None
