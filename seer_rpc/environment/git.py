"""The git program: mirrors of repositories in the cache, and what sandboxes get of them.

It runs outside the sandbox, so that credentials stay there, and nothing that a repository holds
runs: what it fetches it only stores, and what it checks out it checks out without any
configuration but its own.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seer_rpc.environment.config.repo_urls import RepoSource
from seer_rpc.errors import RepoError
from seer_rpc.files import locked
from seer_rpc.locations import cache_folder
from seer_rpc.progress import Status, status
from seer_rpc.redaction import without_credentials

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_KEPT = ("GIT_SSH", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")
_HEAD = "refs/seer/HEAD"
_REFS = ("+HEAD:refs/seer/HEAD", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_SAFE = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.logAllRefUpdates=false"),
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"),
)
_PRIVATE = re.compile(
    r"could not read (Username|Password)|Authentication failed|Permission denied|returned error: 40"
    r"|[Rr]epository ('[^']*' )?not found|access denied|terminal prompts disabled"
)
_NETWORK = re.compile(
    r"Could not resolve host|Connection refused|timed out|Connection reset|Network is unreachable"
    r"|unable to connect|Failed to connect|Couldn't connect|SSL|unexpectedly|[Ee]mpty reply"
    r"|HTTP 5\d\d|Operation too slow|Host key verification failed"
)


class _GitError(Exception):
    """What git printed."""


@dataclass(frozen=True)
class Commit:
    """What a revision stands for."""

    sha: str
    branch: str
    """Where it is one's newest commit that is asked for; else empty."""


class Mirror:
    """A repository's copy in the cache, without files."""

    def __init__(self, source: RepoSource) -> None:
        """Use or make the one of that source."""
        key = hashlib.sha256(source.url.encode()).hexdigest()[:16]
        self.folder = repos_folder() / f"{source.name}-{key}.git"
        self._source = source

    def fetch(self) -> Commit:
        """Bring it up to date and find the revision; one that is named as a commit may be there.

        Raises:
            RepoError: there is no such repository or revision, or it is out of reach.
        """
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.folder.with_suffix(".lock")):
            if not (self.folder / "HEAD").is_file():
                _git("init", "--quiet", "--bare", "--template=", str(self.folder))
            revision = self._source.revision
            if _COMMIT.fullmatch(revision) and self._sha(revision):
                return Commit(revision, "")
            with status(f"fetching {self._source.url}") as shown:
                self._fetch(*_REFS, shown=shown)
            return self._resolve() or self._lone_commit() or self._missing()

    def check_out(self, commit: Commit, folder: Path) -> None:
        """Make `folder` a repository with that commit, its history, and its files."""
        branch = commit.branch or "main"
        kept = f"refs/remotes/origin/{branch}" if commit.branch else "refs/seer/pinned"
        inside = "-C", str(folder)
        _git("init", "--quiet", "--template=", f"--initial-branch={branch}", str(folder))
        # Only what leads to the commit: what comes after it may tell too much.
        refs = f"+{commit.sha}:{kept}"
        _git(*inside, "fetch", "--quiet", "--no-recurse-submodules", "--", str(self.folder), refs)
        target = ("-B", branch) if commit.branch else ("--detach",)
        _git(*inside, "checkout", "--quiet", "--no-recurse-submodules", *target, commit.sha, "--")
        if self._source.scheme != "file":
            _git(*inside, "remote", "add", "--", "origin", self._source.url)
        (folder / ".git" / "FETCH_HEAD").unlink(missing_ok=True)

    def _fetch(self, *refs: str, shown: Status) -> None:
        options = "--force", "--prune", "--no-tags", "--no-recurse-submodules", "--progress"
        command = "-C", str(self.folder), "fetch", *options, "--no-write-fetch-head"
        try:
            _run(
                [*_program(), *_SAFE, *command, "--", self._source.url, *refs],
                _fetching_environment(self._source),
                shown,
            )
        except _GitError as error:
            raise _explain(str(error), self._source) from None

    def _resolve(self) -> Commit | None:
        revision = self._source.revision
        if not revision:
            sha = self._sha(_HEAD)
            return Commit(sha, self._default_branch(sha)) if sha else None
        if sha := self._sha(f"refs/heads/{revision}"):
            return Commit(sha, revision)
        if sha := self._sha(f"refs/tags/{revision}"):
            return Commit(sha, "")
        sha = self._sha(revision) if _SHORT_COMMIT.fullmatch(revision) else ""
        return Commit(sha, "") if sha else None

    def _lone_commit(self) -> Commit | None:
        """Fetch a commit that no branch or tag leads to, where the server gives such."""
        revision = self._source.revision
        if not _COMMIT.fullmatch(revision):
            return None
        with contextlib.suppress(RepoError), status(f"fetching {revision}") as shown:
            self._fetch(f"+{revision}:refs/seer/{revision}", shown=shown)
        return Commit(revision, "") if self._sha(revision) else None

    def _missing(self) -> Commit:
        names = self._names()
        close = difflib.get_close_matches(self._source.revision, names, 3) or names[:5]
        raise RepoError(
            f"{self._source.url} has no branch, tag or commit {self._source.revision!r}",
            hint=f"there are: {', '.join(close)}" if close else "",
        )

    def _default_branch(self, sha: str) -> str:
        heads = _git("-C", str(self.folder), "for-each-ref", "--points-at", sha, *_LISTED)
        names = [line.removeprefix("refs/heads/") for line in heads.splitlines()]
        return next((name for name in ("main", "master") if name in names), "") or next(
            iter(names), ""
        )

    def _names(self) -> list[str]:
        listed = _git("-C", str(self.folder), "for-each-ref", *_LISTED, "refs/tags")
        return [line.split("/", 2)[2] for line in listed.splitlines()]

    def _sha(self, name: str) -> str:
        with contextlib.suppress(_GitError):
            arguments = "rev-parse", "--verify", "--quiet", "--end-of-options"
            return _git("-C", str(self.folder), *arguments, f"{name}^{{commit}}").strip()
        return ""


_LISTED = ("--format=%(refname)", "refs/heads")


def repos_folder() -> Path:
    """Give the folder of the mirrors."""
    return cache_folder() / "repos"


def _program() -> list[str]:
    if program := shutil.which("git"):
        return [program]
    raise RepoError("repos need the git program, which is not here", hint="apt-get install git")


def _git(*arguments: str) -> str:
    """Run git on what is here, without the user's configuration or anybody else's."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    return _run([*_program(), *_SAFE, *arguments], environment, None)


def _fetching_environment(source: RepoSource) -> Mapping[str, str]:
    """Give the user's environment and configuration: the credentials are in them."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    environment = {
        **own,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "GIT_ALLOW_PROTOCOL": ":".join({"https", "ssh", "file", _protocol(source)}),
    }
    if source.authorization:
        # Not in the URL, which other processes could read.
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{source.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {source.authorization}",
        }
    return environment


def _protocol(source: RepoSource) -> str:
    return source.scheme if "://" in source.url else "ssh" if ":" in source.url else "file"


def _run(command: Sequence[str], environment: Mapping[str, str], shown: Status | None) -> str:
    with _running(command, environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = []
        if shown is None:
            output, errors = process.communicate()
            told.append(errors)
        else:
            output = ""
            for line in process.stderr:
                told.append(line)
                shown.show(without_credentials(line))
        if process.wait() != 0:
            raise _GitError(without_credentials("".join(told)))
    return output


@contextlib.contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        # Without a terminal ssh asks nobody.
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _explain(text: str, source: RepoSource) -> RepoError:
    if "remote ref HEAD" in text:
        return RepoError(f"{source.url} has no commit yet")
    if _PRIVATE.search(text):
        return RepoError(
            f"there is no repository {source.url}, or it is private",
            hint="check its spelling; where it is private, log git in to its server "
            "(`gh auth login`, a credential helper), or use an ssh URL with a key that may read it",
        )
    if "does not appear to be a git repository" in text or "not a git repository" in text:
        return RepoError(f"{source.url} is no git repository", hint="git init, and commit")
    if "dubious ownership" in text:
        return RepoError(
            f"{source.url} belongs to another user, and git does not trust it",
            hint=f"git config --global --add safe.directory {source.url}",
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = next((line for line in lines if line.startswith(("fatal:", "error:"))), "")
    reason = reason.partition(": ")[2] or (lines[-1] if lines else "git failed")
    if _NETWORK.search(text):
        return RepoError(f"{source.url} is out of reach: {reason}", hint="check the network")
    return RepoError(f"{source.url} cannot be fetched: {reason}")
