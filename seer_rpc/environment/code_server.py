"""VS Code in the browser, beside a sandbox: the program code-server, and a password of its own."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.environment.background import Place, start_in_background
from seer_rpc.errors import CodeServerError, CommandError
from seer_rpc.files import locked
from seer_rpc.locations import cache_folder
from seer_rpc.progress import status

_VERSIONS = {20: "4.99.4", 22: "4.117.0", 24: "4.139.1"}
"""Of code-server, by the major version of Node.js that it is made for."""

_BUILD_TIMEOUT = 1800.0
_FOLDER = ".code-server"
_SIGN = r"https?://127\.0\.0\.1:[0-9]*"
_OPTIONS = (
    *("--config", "settings.json", "--user-data-dir", "data", "--extensions-dir", "extensions"),
    *("--disable-telemetry", "--disable-update-check"),
)
_REMEDY = "see https://coder.com/docs/code-server/install, or leave debug out"


@dataclass(frozen=True)
class CodeServer:
    """Where it is, and what lets in. Only this machine reaches it."""

    url: str
    password: str = field(repr=False)


def start_code_server(place: Place, program: Path) -> CodeServer:
    """Run `program` in a sandbox, for as long as that runs.

    The sandbox gets the password's digest alone.

    Raises:
        CodeServerError: it does not start there.
    """
    password = secrets.token_urlsafe(24)
    settings = {
        "bind-addr": "127.0.0.1:0",
        "auth": "password",
        "hashed-password": hashlib.sha256(password.encode()).hexdigest(),
        "cert": False,
    }
    with status("starting code-server"):
        try:
            # JSON is YAML, too.
            command = [str(program), *_OPTIONS, place.exec("pwd").strip()]
            address = start_in_background(place, _FOLDER, command, settings, _SIGN)
        except CommandError as error:
            raise CodeServerError(
                f"code-server does not start: {error.stderr.strip() or error.message}",
                hint=_REMEDY,
            ) from None
    return CodeServer(f"{address}/", password)


def find_code_server() -> Path:
    """Find the program on this machine; where it is not, npm installs it into the cache, once.

    Raises:
        CodeServerError: it cannot be had.
    """
    found = shutil.which("code-server")
    return Path(found).resolve() if found else _installed()


def program_folders(program: Path) -> Iterator[Path]:
    """Give the folders that a program from npm needs to be seen: its package, and Node.js."""
    packages = (each for each in program.parents if (each / "package.json").exists())
    yield next(packages, program.parent)
    node = shutil.which("node")
    if node is not None:
        yield Path(node).resolve()


def _installed() -> Path:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise CodeServerError(
            "debug=True needs code-server, and there is neither that nor npm to install it with",
            hint=_REMEDY,
        )
    version = _version_for(node)
    folder = cache_folder() / "code-server" / version
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{version}.lock")
    with status(f"installing code-server {version}, once"), locked(lock):
        if not folder.exists():
            _install(npm, version, folder)
    return folder / "node_modules" / "code-server" / "out" / "node" / "entry.js"


def _version_for(node: str) -> str:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    version = _VERSIONS.get(int(major)) if major.isdigit() else None
    if version is None:
        known = ", ".join(map(str, _VERSIONS))
        raise CodeServerError(
            f"debug=True needs code-server, which is installed for Node.js {known}, not for "
            f"{said.strip() or node}",
            hint=_REMEDY,
        )
    return version


def _install(npm: str, version: str, folder: Path) -> None:
    scratch = folder.with_name(f"{version}.partial-{os.getpid()}")
    scratch.mkdir(exist_ok=True)
    try:
        finished = subprocess.run(
            [
                npm,
                "install",
                "--prefix",
                scratch,
                "--no-audit",
                "--no-fund",
                f"code-server@{version}",
            ],
            # It builds parts of itself, as root only if it is told to.
            env={**os.environ, "npm_config_unsafe_perm": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT,
            check=False,
        )
        if finished.returncode != 0:
            raise CodeServerError(
                f"npm cannot install code-server {version}: {_reason(finished.stderr)}",
                hint=_REMEDY,
            )
        scratch.rename(folder)
    except subprocess.TimeoutExpired:
        raise CodeServerError(
            f"npm has not installed code-server {version} within {_BUILD_TIMEOUT:.0f} s",
            hint=_REMEDY,
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _reason(said: str) -> str:
    """Give the line of npm's that says what is the matter."""
    lines = [line.partition("npm error ")[2].strip() for line in said.splitlines()]
    lines = [line.removeprefix("npm error ").strip() for line in lines if line]
    telling = (line for line in lines if "failed" in line or "ERR" in line or "not found" in line)
    return next(telling, lines[0] if lines else "it says nothing")
