"""Files that come and go together, and which of them each session has in a folder."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from seer_rpc.errors import ConfigError
from seer_rpc.locations import PRIVATE_FOLDER
from seer_rpc.workspace.contents import Content
from seer_rpc.workspace.places import Place

PRIVATE = Path(PRIVATE_FOLDER)

_SESSION = ".session"


@dataclass(frozen=True)
class Parcel:
    """Files that come and go together."""

    what: str
    """What people call it: "library 'tools'"."""

    listing: str
    """The name of the private file that lists what was installed."""

    roots: Collection[Path]
    """The files and folders that are its own; all others are out of its reach."""

    files: Mapping[Path, Content]
    private_files: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class SessionRecord:
    """What a session has in a folder."""

    parcels: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The private files of each parcel, by its listing."""

    servers: Collection[str] = ()
    """The names of its servers in the folder's configuration."""

    is_open: bool = True

    @property
    def private(self) -> set[str]:
        """The names of its private files."""
        return {name for names in self.parcels.values() for name in names}

    def with_also(self, other: SessionRecord) -> SessionRecord:
        """Give what either of them has."""
        parcels = {**self.parcels, **other.parcels}
        return SessionRecord(parcels, {*self.servers, *other.servers})

    def to_json(self) -> str:
        """Give what is written down."""
        parcels = {listing: sorted(names) for listing, names in sorted(self.parcels.items())}
        values = {"parcels": parcels, "servers": sorted(self.servers), "is_open": self.is_open}
        return json.dumps(values, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what `to_json` gave; nothing is known where it is something else."""
        try:
            values = json.loads(text)
            listings = {str(each): [*map(str, names)] for each, names in values["parcels"].items()}
            return cls(listings, [*map(str, values["servers"])], bool(values["is_open"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls(is_open=False)


def session_file(session: str) -> Path:
    """Give where the session of that name is written down."""
    return PRIVATE / f"{session_key(session)}{_SESSION}"


def session_key(session: str) -> str:
    """Give a session's name as part of a file's name."""
    return urllib.parse.quote(session, safe=" ")


def read_sessions(place: Place) -> dict[str, SessionRecord]:
    """Give what is written down of a place's sessions, by their names."""
    if place.kinds(Path()).get(PRIVATE_FOLDER) != "folder":
        return {}
    return {
        urllib.parse.unquote(name.removesuffix(_SESSION)): SessionRecord.from_json(
            place.read(PRIVATE / name)
        )
        for name, kind in place.kinds(PRIVATE).items()
        if name.endswith(_SESSION) and kind == "file"
    }


def check_apart(parcels: Iterable[Parcel]) -> None:
    """Refuse parcels that would be written over one another.

    Raises:
        ConfigError: two would.
    """
    known: dict[object, tuple[Parcel, object]] = {}
    for parcel in parcels:
        contents: list[tuple[object, object]] = [(parcel.listing, parcel.files)]
        for name, content in [*contents, *parcel.private_files.items(), *parcel.files.items()]:
            other, others = known.setdefault(name, (parcel, content))
            if others != content:
                place = "files" if name == parcel.listing else name
                raise _clash(other, parcel, f"overwrite each other's {place}")
    for path, (parcel, _) in known.items():
        for above in path.parents if isinstance(path, Path) else ():
            if above in known:
                raise _clash(known[above][0], parcel, f"need {above} as a file and as a folder")


def _clash(first: Parcel, second: Parcel, what: str) -> ConfigError:
    return ConfigError(
        f"{first.what} and {second.what} would {what}",
        hint="give one of them another name=, or use two folders",
    )
