"""Files put into a folder, in place of what was put there before and of nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from seer_rpc.errors import ConfigError
from seer_rpc.files import write_whole
from seer_rpc.locations import PRIVATE_FOLDER


@dataclass(frozen=True)
class Parcel:
    """Files that come and go together."""

    what: str
    """What people call it: "library 'tools'"."""

    listing: str
    """The name of the private file that lists what was installed."""

    roots: Collection[Path]
    """The files and folders that are its own; all others are out of its reach."""

    files: Mapping[Path, str]
    private_files: Mapping[str, str] = field(repr=False)


def check_inside(kind: str, name: str, files: Iterable[str]) -> None:
    """Refuse files that lie outside of the library or skill that they are of.

    Raises:
        ConfigError: one does.
    """
    for file in files:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ConfigError(f"{kind} {name!r}: {file!r} lies outside the {kind}")


def install(folder: Path, parcels: Collection[Parcel]) -> None:
    """Write the files of each parcel, and remove those that it had before and has no more.

    Raises:
        ConfigError: something that was not installed is in the way, or two parcels are.
    """
    _check_apart(parcels)
    folder.mkdir(parents=True, exist_ok=True)
    private = folder / PRIVATE_FOLDER
    if private.is_symlink() or (private.exists() and not private.is_dir()):
        raise ConfigError(f"{private} is in the way: it must be a folder of its own")
    private.mkdir(exist_ok=True)
    private.chmod(0o700)
    _write(private / ".gitignore", "*\n", 0o600)
    for parcel in parcels:
        _install(parcel, folder, private)


def _install(parcel: Parcel, folder: Path, private: Path) -> None:
    files = parcel.files
    listing = private / parcel.listing
    ours = _listed(listing, parcel.roots)
    for file in files:
        _check_way(parcel, folder, file, ours)
    for stale in ours - files.keys():
        _remove(folder, stale)
    # Listed before it is written: what an interruption leaves is known to be ours.
    _write(listing, "".join(f"{file}\n" for file in sorted(files.keys() | ours)), 0o600)
    for file, text in files.items():
        _write(folder / file, text, 0o644)
    _write(listing, "".join(f"{file}\n" for file in sorted(files)), 0o600)
    for name, text in parcel.private_files.items():
        _write(private / name, text, 0o600)


def _check_apart(parcels: Iterable[Parcel]) -> None:
    """Refuse parcels that would be written over one another."""
    known: dict[str, tuple[Parcel, object]] = {}
    for parcel in parcels:
        for name, content in {parcel.listing: parcel.files, **parcel.private_files}.items():
            other, others = known.setdefault(name, (parcel, content))
            if others != content:
                place = "files" if name == parcel.listing else name
                raise ConfigError(
                    f"{other.what} and {parcel.what} would overwrite each other's {place}",
                    hint="serve one of them under another name=, or use two folders",
                )


def _remove(folder: Path, stale: Path) -> None:
    """Remove a file that was installed; what others put in the place of it or its folder stays."""
    file = folder / stale
    is_elsewhere = any((folder / each).is_symlink() for each in stale.parents if each != Path())
    if not is_elsewhere and (file.is_symlink() or file.is_file()):
        file.unlink()


def _listed(listing: Path, roots: Collection[Path]) -> set[Path]:
    """Give the files that an earlier installation wrote: nothing that the parcel could not have."""
    lines = listing.read_text().splitlines() if listing.exists() else []
    return {
        file
        for file in map(Path, lines)
        if ".." not in file.parts and any(file.is_relative_to(root) for root in roots)
    }


def _check_way(parcel: Parcel, folder: Path, file: Path, ours: set[Path]) -> None:
    parents = [folder / parent for parent in file.parents if parent != Path()]
    ways = [way for way in parents if way.is_symlink() or (way.exists() and not way.is_dir())]
    if file not in ours and (folder / file).exists():
        ways.append(folder / file)
    if ways:
        raise ConfigError(
            f"{ways[0]} is in the way of {parcel.what}, which did not write it",
            hint="give it another name=, or use another folder",
        )


def _write(file: Path, text: str, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text.encode(), mode)
