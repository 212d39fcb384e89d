"""Skills: folders with a SKILL.md, as the Agent Skills specification has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seer_rpc.workspace.installing import Parcel, check_inside, install

SKILLS = Path(".claude", "skills")
"""Where agents look for skills, inside the folder that they work in."""


class Skill:
    """A folder of files that tells an agent how to do something."""

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
        check_inside("skill", name, [*files, *(private_files or ()), name])
        self.name = name
        self._files = dict(files)
        self._description = description
        self._private_files = dict(private_files or {})

    @property
    def description(self) -> str:
        """What it does, and when to use it."""
        return self._description

    @property
    def files(self) -> dict[str, str]:
        """Texts by the names of the files inside the skill's folder."""
        return dict(self._files)

    @property
    def private_files(self) -> dict[str, str]:
        """What only the folder's owner may read, by file name."""
        return dict(self._private_files)

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
        return Parcel(
            what=f"skill {self.name!r}",
            listing=f"{self.name}.skill.files",
            roots=[root],
            files={root / name: text for name, text in self.files.items()},
            private_files=self.private_files,
        )

    def __repr__(self) -> str:
        """Show the kind and the name."""
        return f"{type(self).__name__}({self.name!r})"
