"""Repositories as they are written in a config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from seer_rpc.environment.config.repo_urls import RepoSource, parse_repo
from seer_rpc.errors import ConfigError
from seer_rpc.fields import check_types, knows_its_fields, show_fields
from seer_rpc.redaction import without_credentials


@knows_its_fields(
    {
        **dict.fromkeys(("revision", "branch", "tag", "commit", "ref"), 'write url="...@revision"'),
        "path": "a repository is at /workspace/NAME in the sandbox",
    }
)
@dataclass
class RepoConfig:
    """A git repository to have in the sandbox.

    Raises:
        ConfigError: a field cannot be as it is written.
    """

    url: str
    """`owner/repo` on GitHub, a URL, or a folder here; `@revision` at its end pins it."""

    dockerfile: str | None = None
    """The path in it of a Dockerfile, for `Sandbox.start_container`."""

    install: bool | str = False
    """Whether its Python package is installed, editable; or the command that does so, which runs in
    its folder."""

    @property
    def source(self) -> RepoSource:
        """Where it is, and what of it is wanted."""
        return parse_repo(self.url)

    def __post_init__(self) -> None:
        """Check."""
        check_types(self)
        parse_repo(self.url)
        if self.dockerfile is not None and not _is_inside(self.dockerfile):
            raise ConfigError(
                f"dockerfile={self.dockerfile!r} is no path in the repository",
                hint='write dockerfile="Dockerfile", or where else in it that is',
            )
        if isinstance(self.install, str) and not self.install.strip():
            raise ConfigError(
                "install='' is no command", hint="write install=True for pip install -e"
            )

    def __repr__(self) -> str:
        """Show it without a password."""
        return show_fields(self, url=repr(without_credentials(self.url)))


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts
