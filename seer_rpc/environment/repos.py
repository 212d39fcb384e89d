"""Repositories in a sandbox: fetched outside it, installed inside."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seer_rpc.backends.packages import explain, worker_needs
from seer_rpc.environment.config import RepoConfig, SandboxConfig
from seer_rpc.environment.config.repo_urls import RepoSource
from seer_rpc.environment.git import Commit, Mirror, repos_folder
from seer_rpc.environment.shadows import show_shadowed
from seer_rpc.environment.work import Work
from seer_rpc.errors import CommandError, RepoError
from seer_rpc.progress import status

_WORKSPACE = "/workspace"


@dataclass(frozen=True)
class RepoHandle:
    """A repository that a sandbox has."""

    name: str
    url: str
    """Where it is from; without a password."""

    path: str
    """Its folder inside the sandbox."""

    revision: str
    """The commit, in full."""

    dockerfile: str | None = None
    """The path of a Dockerfile in it."""


@contextlib.contextmanager
def checked_out(configs: Sequence[RepoConfig]) -> Iterator[dict[RepoHandle, Path]]:
    """Fetch repositories, and have their files in folders here until the block ends.

    Raises:
        RepoError: one is not to be had.
    """
    with contextlib.ExitStack() as stack:
        folders: dict[RepoHandle, Path] = {}
        for config in configs:
            mirror = Mirror(config.source)
            commit = mirror.fetch()
            folder = stack.enter_context(_checkout(mirror, commit))
            folders[_handle(config, commit)] = folder
            _check_dockerfile(config, folder)
        yield folders


@contextlib.contextmanager
def checked_out_again(handle: RepoHandle) -> Iterator[Path]:
    """Have a repository's files as they came in a folder here until the block ends."""
    mirror = Mirror(RepoSource(handle.url, handle.name, handle.revision))
    with _checkout(mirror, Commit(handle.revision, "")) as folder:
        yield folder


def install_repos(sandbox: Work, config: SandboxConfig, handles: Sequence[RepoHandle]) -> None:
    """Install those that are to be, in the sandbox: what that runs is the repositories' own.

    Raises:
        RepoError: one cannot be installed; the message says why.
    """
    for repo, handle in zip(config.repos, handles, strict=True):
        if repo.install:
            with status(f"installing {handle.name}") as shown:
                try:
                    sandbox.exec(
                        _command(repo, config),
                        cwd=handle.path,
                        input="".join(f"{each}\n" for each in worker_needs()),
                        on_output=shown.show,
                    )
                    show_shadowed(sandbox, [each.name for each in handles])
                except CommandError as error:
                    raise _not_installed(handle, config, error) from None


def _command(repo: RepoConfig, config: SandboxConfig) -> str | list[str]:
    if isinstance(repo.install, str):
        return repo.install
    # What serves calls in the sandbox must not lose what it needs.
    pip = ["python", "-m", "pip", "--disable-pip-version-check", "install", "-c", "/dev/stdin"]
    offline = ["--no-index", "--no-build-isolation"] if config.blocks_network else []
    return [*pip, *offline, "--editable", "."]


def _not_installed(handle: RepoHandle, config: SandboxConfig, error: CommandError) -> RepoError:
    reason = explain(f"{error.stdout}\n{error.stderr}", [], worker_needs())
    message = f"{handle.name} cannot be installed: {reason.message}"
    if config.blocks_network:
        package = reason.package or "what it needs"
        return RepoError(
            f"{message} (its network is closed: nothing can be fetched in the sandbox)",
            hint=f"add {package!r} to python_packages, which are fetched outside",
        )
    return RepoError(message, hint=reason.hint)


def _handle(config: RepoConfig, commit: Commit) -> RepoHandle:
    source = config.source
    return RepoHandle(
        name=source.name,
        url=source.url,
        path=f"{_WORKSPACE}/{source.name}",
        revision=commit.sha,
        dockerfile=config.dockerfile,
    )


def _check_dockerfile(config: RepoConfig, folder: Path) -> None:
    if config.dockerfile is None or (folder / config.dockerfile).is_file():
        return
    there = [str(file.relative_to(folder)) for file in folder.rglob("*Dockerfile*")]
    raise RepoError(
        f"{config.source.url} has no file {config.dockerfile}",
        hint=f"there are: {', '.join(sorted(there)[:5])}" if there else "leave dockerfile= out",
    )


@contextlib.contextmanager
def _checkout(mirror: Mirror, commit: Commit) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="checkout-", dir=repos_folder()))
    try:
        mirror.check_out(commit, folder / "files")
        yield folder / "files"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
