"""Skills: folders with a SKILL.md, as the Agent Skills specification has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seer_rpc.errors import ConfigError
from seer_rpc.workspace.artefact import Artefact
from seer_rpc.workspace.contents import apart, read_folder
from seer_rpc.workspace.front_matter import TEXT, parse_skill
from seer_rpc.workspace.installing import install
from seer_rpc.workspace.parcels import Parcel
from seer_rpc.workspace.places import Folder

SKILLS = Path(".claude", "skills")
"""Where agents look for skills, inside the folder that they work in."""


class Skill(Artefact):
    """A folder of files that tells an agent how to do something."""

    _kind = "skill"

    def __init__(
        self,
        name: str,
        files: Mapping[str, str],
        description: str = "",
        *,
        data_files: Mapping[str, bytes] | None = None,
        private_files: Mapping[str, str] | None = None,
    ) -> None:
        """Take file names inside the skill's folder and their texts, SKILL.md among them.

        `data_files` are those that are no text. `private_files` hold secrets. They go into the
        `.seer` folder of whatever folder the skill is installed in, readable by their owner alone.

        Raises:
            ConfigError: a file lies outside the skill.
        """
        super().__init__(name, files, data_files, private_files)
        self._description = description

    @classmethod
    def from_directory(cls, path: str | Path) -> Skill:
        """Make a skill of a folder, with all that is in it.

        Raises:
            ConfigError: agents would not take it for a skill: it has no SKILL.md, or one that is
                none by the Agent Skills specification; or something in it cannot be taken along.
        """
        folder = Path(path)
        files, data_files = apart(read_folder(folder, "skill"))
        if TEXT not in files:
            raise ConfigError(f"{folder} is no skill: it has no {TEXT}", hint="write one")
        told = parse_skill(files[TEXT], folder.absolute().name)
        return cls(told.name, files, told.description, data_files=data_files)

    @property
    def description(self) -> str:
        """What it does, and when to use it."""
        return self._description

    def install(self, folder: str | Path) -> Path:
        """Write it to `.claude/skills/NAME` inside `folder`, and give that folder.

        What an earlier installation wrote there is replaced.

        Raises:
            ConfigError: something that was not installed is in the way.
        """
        install(Folder(Path(folder)), [self.parcel()])
        return Path(folder) / SKILLS / self.name

    def parcel(self) -> Parcel:
        """Give its files as they are installed."""
        root = SKILLS / self.name
        return self._parcel(root, [root], f"{self.name}.skill.files")
