"""The skill that comes with this library, and copies of it where agents look for skills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Self

from seer_rpc.errors import ConfigError
from seer_rpc.workspace.contents import telling
from seer_rpc.workspace.places import Folder
from seer_rpc.workspace.skill import SKILLS, Skill

_NAME = "seer"
_NOTE = "installed.json"
"""The file of a copy that says what this library wrote, for whoever gets the folder."""


@dataclass(frozen=True)
class Installed:
    """What an installation has done."""

    folder: Path
    """Where the skill is."""

    before: str
    """The version that was there; empty where there was none."""

    version: str
    changed: list[str]
    """The files that were written or removed."""


def own_skill_folder() -> Path:
    """Give the folder of the skill in this library."""
    return Path(str(files("seer_rpc"))) / "skills" / _NAME


def install_own_skill(base: Path, *, force: bool = False) -> Installed:
    """Put the skill into `.claude/skills` of a folder, in place of an older version of it.

    Files beside its own stay. With `force` those are written over that are in its way.

    Raises:
        ConfigError: something that this library did not write, or that was changed since, is in the
            way; or the folder cannot be written to.
    """
    folder = base / SKILLS / _NAME
    with telling(f"install the skill in {folder}"):
        _check_inside(folder, base)
        before, now = _Note.read(folder), _Note.of(Skill.from_directory(own_skill_folder()))
        if not force:
            _check_way(folder, before, now)
        changed = _write(folder, before, now)
    return Installed(folder, before.version, now.version, changed)


@dataclass(frozen=True)
class _Note:
    """The files of a version of the skill."""

    version: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, skill: Skill) -> Self:
        contents = {name: text.encode() for name, text in skill.files.items()}
        digests = {name: _digest(content) for name, content in contents.items()}
        return cls(version("seer-rpc"), digests, contents)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Give what an earlier installation wrote; nothing where none did."""
        try:
            values = json.loads((folder / _NOTE).read_bytes())
            digests = {str(name): str(each) for name, each in values["files"].items()}
            return cls(str(values["version"]), {n: d for n, d in digests.items() if _is_inside(n)})
        except (
            *(FileNotFoundError, NotADirectoryError),
            *(ValueError, TypeError, KeyError, AttributeError),
        ):
            return cls()

    def to_json(self) -> bytes:
        values = {"by": "seer skill install", "version": self.version, "files": dict(self.digests)}
        return f"{json.dumps(values, indent=2)}\n".encode()


def _write(folder: Path, before: _Note, now: _Note) -> list[str]:
    """Write what is different, and remove what the skill has no more."""
    place = Folder(folder)
    stale = [name for name in before.digests if name not in now.digests]
    removed = [name for name in stale if _is_there(folder / name)]
    wanted = {
        name: content
        for name, content in now.contents.items()
        if _found(folder / name) != now.digests[name]
    }
    for name in removed:
        place.remove(Path(name))
    place.write({Path(name): content for name, content in wanted.items()})
    if before.version != now.version or before.digests != now.digests:
        place.write({Path(_NOTE): now.to_json()})
    return sorted([*removed, *wanted])


def _check_way(folder: Path, before: _Note, now: _Note) -> None:
    for name in sorted({*before.digests, *now.digests}):
        found = _found(folder / name)
        if found not in (None, before.digests.get(name), now.digests.get(name)):
            what = "was changed since it was installed" if name in before.digests else "is not ours"
            raise ConfigError(
                f"{folder / name} is in the way of the skill: it {what}",
                hint="move it elsewhere, or write over it with --force",
            )


def _check_inside(folder: Path, base: Path) -> None:
    if not folder.resolve().is_relative_to(base.resolve()):
        raise ConfigError(
            f"{folder} is behind a link that leads out of {base}",
            hint="remove the link, or give the folder that it leads to with --dir",
        )


def _found(file: Path) -> str | None:
    """Give the digest of what is there: none of a folder's is that of a file."""
    if not _is_there(file):
        return None
    return _digest(file.read_bytes()) if file.is_file() else "no file"


def _is_there(file: Path) -> bool:
    return file.exists() or file.is_symlink()


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
