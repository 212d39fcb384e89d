"""Files put into a folder, in place of what was put there before and of nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from seer_rpc.errors import ConfigError
from seer_rpc.locations import PRIVATE_FOLDER
from seer_rpc.workspace.parcels import (
    PRIVATE,
    Parcel,
    SessionRecord,
    check_apart,
    read_sessions,
    session_file,
)
from seer_rpc.workspace.places import Kind, Place

_CACHE = "__pycache__"
_SECRET = 0o600


def install(
    place: Place,
    parcels: Collection[Parcel],
    session: str | None = None,
    servers: Collection[str] = (),
) -> None:
    """Write the files of each parcel, and remove those that it had before and has no more.

    Of a session's parcels those that it has no more are removed, unless another one has them.

    Raises:
        ConfigError: something that was not installed is in the way, or two parcels are.
    """
    check_apart(parcels)
    if place.kinds(Path()).get(PRIVATE_FOLDER, "folder") != "folder":
        where = place.shown(PRIVATE)
        raise ConfigError(f"{where} is in the way: it must be a folder of its own")
    known = read_sessions(place)
    wanted = SessionRecord({each.listing: [*each.private_files] for each in parcels}, servers)
    before = known.pop(session, SessionRecord()) if session is not None else SessionRecord()
    gone = _left_alone(before, [wanted, *known.values()])
    _Installation(place, parcels, gone.parcels).run(session, before, wanted)
    _remove_private(place, {*gone.parcels, *gone.private})


def withdraw(place: Place, session: str) -> None:
    """Remove a session's private files, unless another session that is open has them."""
    known = read_sessions(place)
    record = known.pop(session, None)
    if record is not None:
        others = [each for each in known.values() if each.is_open]
        _remove_private(place, _left_alone(record, others).private)
        over = replace(record, is_open=False)
        place.write({session_file(session): over.to_json().encode()}, _SECRET)


class _Installation:
    """One installation: what is there, and what is to become of it."""

    def __init__(self, place: Place, parcels: Collection[Parcel], gone: Iterable[str]) -> None:
        self._place = place
        self._parcels = parcels
        self._kinds: dict[Path, Mapping[str, Kind]] = {}
        self._ours = {each.listing: self._listed(each.listing, each.roots) for each in parcels}
        self._files = {file for each in parcels for file in each.files}
        left = [self._listed(listing, [Path()]) for listing in gone]
        self._known = set().union(*self._ours.values(), *left)

    def run(self, session: str | None, before: SessionRecord, wanted: SessionRecord) -> None:
        for parcel in self._parcels:
            for file in parcel.files:
                self._check_way(parcel, file)
        self._place.make_private(PRIVATE)
        # Written down before it is there: what an interruption leaves is known to be ours.
        self._note(session, before.with_also(wanted), self._ours)
        for stale in sorted(self._known - self._files, reverse=True):
            self._remove(stale)
        for file in self._known & self._files:
            self._remove_compiled(file)
        for parcel in self._parcels:
            private = {PRIVATE / name: each for name, each in parcel.private_files.items()}
            self._place.write(parcel.files)
            self._place.write({name: text.encode() for name, text in private.items()}, _SECRET)
        self._note(session, wanted, {})

    def _note(
        self, session: str | None, record: SessionRecord, ours: Mapping[str, Collection[Path]]
    ) -> None:
        """Write down what each parcel and the session have."""
        texts = {".gitignore": "*\n"}
        for parcel in self._parcels:
            files = sorted({*parcel.files, *ours.get(parcel.listing, ())})
            texts[parcel.listing] = "".join(f"{file}\n" for file in files)
        notes = {PRIVATE / name: text.encode() for name, text in texts.items()}
        if session is not None:
            notes[session_file(session)] = record.to_json().encode()
        self._place.write(notes, _SECRET)

    def _listed(self, listing: str, roots: Collection[Path]) -> set[Path]:
        """Give what an earlier installation wrote: no files that the parcel could not have."""
        if self._kind(PRIVATE / listing) != "file":
            return set()
        text = self._place.read(PRIVATE / listing).decode(errors="replace")
        return {
            file
            for file in map(Path, filter(None, text.split("\n")))
            if ".." not in file.parts
            and PRIVATE_FOLDER not in file.parts[:1]
            and any(file.is_relative_to(root) for root in roots)
        }

    def _check_way(self, parcel: Parcel, file: Path) -> None:
        stale = self._known - self._files
        ways = [
            each
            for each in _above(file)
            if each not in stale and self._kind(each) not in (None, "folder")
        ]
        kind = self._kind(file)
        if not ways and kind is not None and (file not in self._known or kind == "folder"):
            ways.append(file)
        if ways:
            raise ConfigError(
                f"{self._place.shown(ways[0])} is in the way of {parcel.what}, "
                "which did not write it",
                hint="give it another name=, or use another folder",
            )

    def _remove(self, stale: Path) -> None:
        """Remove a file that was installed, and what it alone kept.

        What others put in the place of it or its folder stays.
        """
        if self._kind(stale) in (None, "folder"):
            return
        self._forget(stale)
        self._remove_compiled(stale)
        for folder in reversed(_above(stale)):
            if self._names(folder):
                return
            self._forget(folder)

    def _remove_compiled(self, file: Path) -> None:
        """Remove what Python made of a module: it looks at sizes and whole seconds alone."""
        cache = file.parent / _CACHE
        if file.suffix == ".py" and self._kind(cache) == "folder":
            for name, kind in list(self._names(cache).items()):
                if name.startswith(f"{file.stem}.") and name.endswith(".pyc") and kind == "file":
                    self._forget(cache / name)
            if not self._names(cache):
                self._forget(cache)

    def _forget(self, path: Path) -> None:
        self._place.remove(path)
        names = dict(self._names(path.parent))
        names.pop(path.name)
        self._kinds[path.parent] = names

    def _kind(self, path: Path) -> Kind | None:
        """Say what a path is; None where nothing is, or it is behind a link."""
        for each in _above(path):
            if self._names(each.parent).get(each.name) != "folder":
                return None
        return self._names(path.parent).get(path.name)

    def _names(self, folder: Path) -> Mapping[str, Kind]:
        if folder not in self._kinds:
            self._kinds[folder] = self._place.kinds(folder)
        return self._kinds[folder]


def _above(path: Path) -> list[Path]:
    """Give the folders that a path is in, the outermost first."""
    return [each for each in reversed(path.parents) if each != Path()]


def _left_alone(record: SessionRecord, others: Iterable[SessionRecord]) -> SessionRecord:
    """Give what a session has and none of the others."""
    others = list(others)
    listings = {listing for each in others for listing in each.parcels}
    private = {name for each in others for name in each.private}
    alone = {
        listing: [name for name in names if name not in private]
        for listing, names in record.parcels.items()
        if listing not in listings
    }
    return SessionRecord(alone)


def _remove_private(place: Place, names: Iterable[str]) -> None:
    there = place.kinds(PRIVATE)
    for name in names:
        if name in there:
            place.remove(PRIVATE / name)
