"""Workspaces: a bundle of libraries, skills and files, and how it is put into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from seer_rpc.errors import ConfigError
from seer_rpc.fields import check_types, knows_its_fields
from seer_rpc.files import looked_from
from seer_rpc.locations import PRIVATE_FOLDER
from seer_rpc.parsing import parse_module
from seer_rpc.workspace.contents import Content, check_name, folder_files, telling
from seer_rpc.workspace.installing import install
from seer_rpc.workspace.library import Library
from seer_rpc.workspace.parcels import Parcel, read_sessions, session_key
from seer_rpc.workspace.places import Folder
from seer_rpc.workspace.servers import FILE, configuration, write_configuration
from seer_rpc.workspace.skill import Skill

_SANDBOX = "/workspace"


@knows_its_fields(
    {
        "files": "write local_files=[(path here, path in the workspace)]",
        "init_code": "write custom_init_code=",
        "preload": "write preload_models=",
        "name": "give it to create_local_session(..., name=)",
        "models": "give them to SandboxConfig(models=[...])",
    }
)
@dataclass
class Workspace:
    """What a session works with.

    Raises:
        ConfigError: a field cannot be as it is written; the message says what to write.
    """

    libraries: list[Library] = field(default_factory=list)
    """What the session can import."""

    skills: list[Skill] = field(default_factory=list)
    """Skills for its agent, in `.claude/skills`."""

    skill_dirs: list[str | Path] = field(default_factory=list)
    """Folders of this machine that are such skills."""

    local_files: list[tuple[str | Path, str]] = field(default_factory=list)
    """(local path, path in the workspace)"""

    local_dirs: list[tuple[str | Path, str]] = field(default_factory=list)
    """(local folder, folder in the workspace)"""

    custom_init_code: str = ""
    """Python that runs before anything else does: once in a kernel, and at the beginning of each
    process that a session's `exec` starts."""

    preload_models: bool = True
    """Whether a notebook's kernel has the sandbox's models."""

    hidden_model_loading: bool = True
    """Whether the notebook is without the cells that load them."""

    def __post_init__(self) -> None:
        """Check."""
        check_types(self)
        self._check_code()
        for local, path in self.local_files:
            _inside("local_files", path)
            if not Path(local).is_file():
                raise ConfigError(
                    f"local_files: there is no file {local}", hint=looked_from(Path(local))
                )
        for local, path in self.local_dirs:
            _inside("local_dirs", path, may_be_all=True)
            if not Path(local).is_dir():
                raise ConfigError(
                    f"local_dirs: there is no folder {local}", hint=looked_from(Path(local))
                )
        for folder in self.skill_dirs:
            Skill.from_directory(folder)

    @property
    def all_skills(self) -> list[Skill]:
        """The skills, those of `skill_dirs` as they are now."""
        return [*self.skills, *map(Skill.from_directory, self.skill_dirs)]

    @property
    def mcp_servers(self) -> dict[str, Any]:
        """What a client's configuration says of the MCP servers of its libraries, by name."""
        return {
            name: each for library in self.libraries for name, each in library.mcp_servers.items()
        }

    def get_library_docs(self) -> str:
        """Give the documentation of all libraries, one after the other."""
        docs = {library.name: library.docs for library in self.libraries}
        return "\n\n".join(f"## {name}\n\n{text}" for name, text in docs.items() if text)

    def install(self, folder: str | Path, session: str = "") -> None:
        """Write everything into `folder`, in place of what an earlier `install` left there.

        Libraries are importable from there; skills are in `.claude/skills`. What an earlier one for
        the session of that name wrote, and is not in the workspace any more, is removed. Nothing
        else is touched.

        Raises:
            ConfigError: something that was not installed is in the way, or the folder cannot be
                written to.
        """
        target = Path(folder)
        if target.exists() and not target.is_dir():
            raise ConfigError(
                f"{target} is no folder", hint="give the path of one, or of a new one"
            )
        place, servers = Folder(target), self.mcp_servers
        records = read_sessions(place)
        earlier = records.pop(session).servers if session in records else ()
        kept = {*servers, *(name for each in records.values() for name in each.servers)}
        config = configuration(target, servers, [name for name in earlier if name not in kept])
        others = self.other_parcels(session)
        if servers and any(Path(FILE) in each.files for each in others):
            raise ConfigError(
                f"local_files has a {FILE}, and libraries have servers that belong in there",
                hint=f"leave it out, or put your servers into the folder's {FILE} yourself",
            )
        with telling(f"install the workspace in {target}"):
            install(place, [*self.library_parcels(), *others], session, list(servers))
            if config:
                write_configuration(target, config)

    def library_parcels(self) -> list[Parcel]:
        """Give what is to be importable, by paths from where Python looks."""
        return [each.parcel() for each in self.libraries]

    def other_parcels(self, session: str = "") -> list[Parcel]:
        """Give skills and files, by paths from the folder that the session works in."""
        parcels = [each.parcel() for each in self.all_skills]
        files = dict(self._files())
        if files:
            listing = f"{session_key(session)}.workspace.files"
            parcels.append(Parcel("local_files", listing, [Path()], files, {}))
        return parcels

    def _files(self) -> Iterator[tuple[Path, Content]]:
        for local, path in self.local_dirs:
            folder = _inside("local_dirs", path, may_be_all=True)
            for name, file in folder_files(Path(local), "local_dirs").items():
                yield folder / name, file
        for local, path in self.local_files:
            yield _inside("local_files", path), Path(local)

    def _check_code(self) -> None:
        try:
            parse_module(self.custom_init_code)
        except (SyntaxError, ValueError) as error:
            raise ConfigError(f"custom_init_code is no Python: {error}") from None


def _inside(where: str, path: str, *, may_be_all: bool = False) -> Path:
    """Give a path of the workspace from its top; sandboxes call that /workspace."""
    pure = PurePosixPath(path)
    if pure.is_relative_to(_SANDBOX):
        pure = pure.relative_to(_SANDBOX)
    is_named = bool(path.strip()) and (bool(pure.parts) or may_be_all)
    check_name(where, path)
    if not is_named or pure.is_absolute() or ".." in pure.parts:
        raise ConfigError(
            f"{where}: {path!r} is no path in the workspace",
            hint="write one that begins at the workspace's top, such as data/prompts.csv",
        )
    if pure.parts[:1] == (PRIVATE_FOLDER,):
        raise ConfigError(f"{where}: {path!r} is where the workspace keeps its own files")
    return Path(pure)
