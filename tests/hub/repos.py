"""Models on the hub: commits of files, and who may have them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple


class Refusal(NamedTuple):
    """Why something is not given."""

    status: HTTPStatus
    code: str
    message: str


@dataclass
class Repo:
    """A model."""

    name: str
    token: str = ""
    """Who has it may have a gated or private model."""

    is_gated: bool = False
    is_private: bool = False
    commits: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    """Files by path, of each commit."""

    refs: dict[str, str] = field(default_factory=dict)
    """Commits by the names of branches and tags."""

    def commit(self, files: Mapping[str, bytes], *refs: str) -> str:
        """Have the main branch, and other names, stand for these files; gives the commit."""
        commit = hashlib.sha1(repr((self.name, sorted(files.items()))).encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.refs |= dict.fromkeys(("main", *refs), commit)
        return commit

    def find(self, revision: str) -> str | None:
        """Give the commit that a revision stands for."""
        return self.refs.get(revision) or (revision if revision in self.commits else None)

    def refuse(self, token: str) -> Refusal | None:
        """Tell why whoever has this token does not know of it."""
        if self.is_private and token != self.token:
            return no_repo(token)
        return None

    def refuse_files(self, token: str) -> Refusal | None:
        """Tell why whoever has this token does not get its files."""
        if not self.is_gated or token == self.token:
            return None
        status = HTTPStatus.FORBIDDEN if token else HTTPStatus.UNAUTHORIZED
        return Refusal(status, "GatedRepo", f"Access to model {self.name} is restricted.")

    def describe(self, commit: str) -> dict[str, Any]:
        """Say what a commit is."""
        return {
            "id": self.name,
            "modelId": self.name,
            "sha": commit,
            "private": self.is_private,
            "gated": "manual" if self.is_gated else False,
            "tags": [],
            "downloads": 0,
            "siblings": [{"rfilename": path} for path in self.commits[commit]],
        }

    def list(self, commit: str) -> list[dict[str, Any]]:
        """Give the files of a commit."""
        return [
            {"type": "file", "path": path, "size": len(content), "oid": etag(content)}
            for path, content in self.commits[commit].items()
        ]


def no_repo(token: str) -> Refusal:
    """Say that there is none, or none for whoever has this token."""
    if not token:
        # As the hub does: who says nothing of himself is not told what there is.
        message = "Invalid username or password."
        return Refusal(HTTPStatus.UNAUTHORIZED, "RepoNotFound", message)
    return Refusal(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")


def no_revision(revision: str) -> Refusal:
    """Say that there is no such revision."""
    message = f"Invalid rev id: {revision}"
    return Refusal(HTTPStatus.NOT_FOUND, "RevisionNotFound", message)


def no_file(path: str) -> Refusal:
    """Say that there is no such file."""
    return Refusal(HTTPStatus.NOT_FOUND, "EntryNotFound", f"Entry not found: {path}")


def etag(content: bytes) -> str:
    """Give what tells a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
