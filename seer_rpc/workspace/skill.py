"""Skills: folders with a SKILL.md, as the Agent Skills specification has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seer_rpc.workspace.artefact import Artefact
from seer_rpc.workspace.installing import Parcel, install

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
        private_files: Mapping[str, str] | None = None,
    ) -> None:
        """Take file names inside the skill's folder and their texts, SKILL.md among them.

        `private_files` hold secrets. They go into the `.seer` folder of whatever folder the skill
        is installed in, readable by their owner alone.

        Raises:
            ConfigError: a file lies outside the skill.
        """
        super().__init__(name, files, private_files)
        self._description = description

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
        install(Path(folder), [self.parcel()])
        return Path(folder) / SKILLS / self.name

    def parcel(self) -> Parcel:
        """Give its files as they are installed."""
        root = SKILLS / self.name
        return self._parcel(root, [root], f"{self.name}.skill.files")
