"""Workspaces: a bundle of libraries and skills, and how it is put into a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.workspace.installing import install
from seer_rpc.workspace.library import Library
from seer_rpc.workspace.servers import configuration, write_configuration
from seer_rpc.workspace.skill import Skill


@dataclass
class Workspace:
    """What a session works with."""

    libraries: list[Library] = field(default_factory=list)
    skills: list[Skill] = field(default_factory=list)
    custom_init_code: str = ""
    """What kernels run before anything else, after the models are there."""

    preload_models: bool = True
    """Whether kernels have the sandbox's models in variables."""

    hidden_model_loading: bool = True
    """Whether a notebook does not show how they got there."""

    def get_library_docs(self) -> str:
        """Give the documentation of all libraries, one after the other."""
        docs = {library.name: library.docs for library in self.libraries}
        return "\n\n".join(f"## {name}\n\n{text}" for name, text in docs.items() if text)

    def install(self, folder: Path) -> None:
        """Write everything into `folder`, in place of what an earlier `install` left there.

        Libraries are importable from there; skills are in `.claude/skills`.

        Raises:
            ConfigError: something that was not installed is in the way.
        """
        servers = configuration(folder, self.libraries)
        libraries = [each.parcel() for each in self.libraries]
        install(folder, [*libraries, *(each.parcel() for each in self.skills)])
        if servers:
            write_configuration(folder, servers)
