"""The programs that resolve requirements and install packages: uv, else pip."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Protocol

from seer_rpc.backends.local.python.index_settings import uv_environment
from seer_rpc.errors import PackageInstallError
from seer_rpc.progress import Status
from seer_rpc.redaction import without_credentials

_ADDED = re.compile(
    r"^ \+ (?P<name>[\w.-]+)(==(?P<version>\S+)( \(from (?P<url>.+)\))?| @ (?P<at>.+))$"
)


class InstallerError(Exception):
    """The installer failed; the text is what it said."""


class Installer(Protocol):
    """Resolves and installs."""

    def plan(self, requirements: Path, python: Path) -> list[str]:
        """Give what would be installed for a requirements file beside what `python` has.

        Raises:
            InstallerError: that cannot be.
        """

    def install(self, plan: Path, python: Path, target: Path) -> None:
        """Install the requirements of a file, and nothing else, into a folder.

        Raises:
            InstallerError: that cannot be.
        """


def find_installer(status: Status, lock: int) -> Installer:
    """Find uv or pip. What they do is shown in `status`; `lock` stays open as long as they run.

    Raises:
        PackageInstallError: there is neither.
    """
    if util.find_spec("uv") is not None:
        return _Uv([sys.executable, "-m", "uv"], status, lock)
    if program := shutil.which("uv"):
        return _Uv([program], status, lock)
    if util.find_spec("pip") is not None:
        return _Pip([sys.executable, "-m", "pip"], status, lock)
    raise PackageInstallError(
        "python_packages cannot be installed: there is neither uv nor pip here",
        hint=f"{sys.executable} -m ensurepip",
    )


class _Program:
    def __init__(self, command: Sequence[str], status: Status, lock: int) -> None:
        self._command = command
        self._status = status
        self._lock = lock

    def _run(self, *arguments: str | Path, environment: Mapping[str, str]) -> str:
        with _running([*self._command, *map(str, arguments)], environment, self._lock) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                self._status.show(without_credentials(line))
            output = "".join(lines)
            if process.wait() != 0:
                raise InstallerError(output)
        return output


class _Uv(_Program):
    def plan(self, requirements: Path, python: Path) -> list[str]:
        output = self._uv("--dry-run", "--python", python, "--requirements", requirements)
        return [_pinned(match) for match in map(_ADDED.match, output.splitlines()) if match]

    def install(self, plan: Path, python: Path, target: Path) -> None:
        arguments = "--no-deps", "--python", python, "--target", target, "--requirements", plan
        self._uv("--compile-bytecode", *arguments)

    def _uv(self, *arguments: str | Path) -> str:
        quiet = "--color", "never", "--no-progress"
        return self._run("pip", "install", *quiet, *arguments, environment=uv_environment())


class _Pip(_Program):
    def plan(self, requirements: Path, python: Path) -> list[str]:
        report = requirements.with_suffix(".json")
        self._pip(
            "--python", python, "--dry-run", "--report", report, "--requirement", requirements
        )
        planned = json.loads(report.read_bytes())["install"]
        return [
            f"{each['metadata']['name']} @ {_source(each['download_info'])}" for each in planned
        ]

    def install(self, plan: Path, python: Path, target: Path) -> None:
        del python
        self._pip("--no-deps", "--target", target, "--requirement", plan)

    def _pip(self, *arguments: str | Path) -> str:
        options = "--no-input", "--disable-pip-version-check"
        # As an option of the command, `--python` comes before it.
        before = arguments[:2] if arguments[0] == "--python" else ()
        rest = arguments[len(before) :]
        return self._run(*before, "install", *options, *rest, environment=os.environ)


def _pinned(match: re.Match[str]) -> str:
    url = match["url"] or match["at"]
    return f"{match['name']} @ {url}" if url else f"{match['name']}=={match['version']}"


def _source(download: Mapping[str, dict[str, str]]) -> str:
    """Give the URL that pip would install from, a repository's at the commit that it found."""
    url = str(download["url"])
    if vcs := download.get("vcs_info"):
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return url


@contextlib.contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], lock: int
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        pass_fds=[lock],
    ) as process:
        try:
            yield process
        finally:
            process.kill()
