"""Overlays: folders of packages that this interpreter lacks or has in other versions.

They are made once for an interpreter and a list of requirements, and kept in the cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seer_rpc.backends.local.python.installers import InstallerError, find_installer
from seer_rpc.backends.local.python.interpreter import Interpreter
from seer_rpc.backends.local.python.inventory import Inventory, broken_by, closure, inventory
from seer_rpc.backends.local.python.scripts import use_first_python
from seer_rpc.backends.local.python.venv import link_interpreter, packages_folder
from seer_rpc.backends.packages import explain, worker_needs
from seer_rpc.files import write_whole
from seer_rpc.locations import cache_folder
from seer_rpc.progress import note, status
from seer_rpc.redaction import without_credentials

_KEPT = 30 * 24 * 3600.0
"""Seconds for which an overlay is kept that no sandbox starts with."""


@dataclass(frozen=True)
class Overlay:
    """What is known of an overlay."""

    requirements: list[str]
    folder: str | None
    """Its name in the cache, where there is anything in it."""

    relied_on: dict[str, str] = field(default_factory=dict)
    """The interpreter's own packages that the requirements come to, and their versions."""

    installed: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path | None:
        """Its folder."""
        return overlays_folder() / self.folder if self.folder else None


def overlays_folder() -> Path:
    """Give the folder that has all of them."""
    return cache_folder() / "python"


def find_overlay(requirements: Sequence[Requirement], interpreter: Interpreter) -> Path | None:
    """Give the folder of what the interpreter lacks of the requirements; None: it lacks nothing.

    It is made where there is none yet. Whoever wants the same one meanwhile waits.

    Raises:
        PackageInstallError: a package cannot be had; the message says which one, and why.
    """
    if not requirements:
        return None
    installed = inventory(interpreter.folders)
    file = overlays_folder() / f"{_key(requirements, interpreter)}.json"
    overlay = _fresh(file, installed)
    if overlay is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _lock(file.with_suffix(".lock")) as lock:
            overlay = _fresh(file, installed)
            if overlay is None:
                overlay = _make(file, requirements, interpreter, installed, lock)
    for each in overlay.warnings:
        note(each)
    return overlay.path


def overlays() -> Iterator[tuple[Overlay, float]]:
    """List the overlays, and when a sandbox last started with each, in seconds since the epoch."""
    for file in sorted(overlays_folder().glob("*.json")):
        if overlay := _read(file):
            yield overlay, file.stat().st_mtime


def prune_overlays(unused_for: float = _KEPT) -> list[str]:
    """Remove the overlays that nothing started with for so many seconds; gives their folders."""
    before = time.time() - unused_for
    for file in overlays_folder().glob("*.json"):
        if _modified(file) < before:
            file.unlink(missing_ok=True)
    kept = {overlay.folder for overlay, _ in overlays()}
    # One that was replaced may be in use; one that is being made has no file yet.
    old = [
        folder
        for folder in overlays_folder().glob("*-*/")
        if folder.name not in kept and _modified(folder) < before
    ]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in old]


def _fresh(file: Path, installed: Inventory) -> Overlay | None:
    """Read an overlay that is still what it was made to be."""
    overlay = _read(file)
    if overlay is None or (overlay.path is not None and not overlay.path.is_dir()):
        return None
    for name, version in overlay.relied_on.items():
        if name not in installed or installed[name].version != version:
            return None
    for path in filter(None, [file, overlay.path]):
        os.utime(path)
    return overlay


def _read(file: Path) -> Overlay | None:
    try:
        return Overlay(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _make(
    file: Path,
    requirements: Sequence[Requirement],
    interpreter: Interpreter,
    installed: Inventory,
    lock: int,
) -> Overlay:
    found = closure(requirements, installed)
    overlay = Overlay(
        [without_credentials(str(each)) for each in requirements], None, found.relied_on
    )
    if found.unmet:
        prune_overlays()
        # Whoever had the lock before may have been killed.
        for leftover in file.parent.glob(f"{file.stem}.partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{file.stem}.partial-", dir=file.parent))
        try:
            overlay = _install(scratch, overlay, requirements, interpreter, installed, lock)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    write_whole(file, json.dumps(dataclasses.asdict(overlay)).encode())
    return overlay


def _install(
    scratch: Path,
    overlay: Overlay,
    requirements: Sequence[Requirement],
    interpreter: Interpreter,
    installed: Inventory,
    lock: int,
) -> Overlay:
    needed = worker_needs()
    wanted, plan, target = scratch / "wanted.txt", scratch / "plan.txt", scratch / "packages"
    _write_lines(wanted, map(str, [*requirements, *needed]))
    python = _imitation(scratch / "like", interpreter, installed)
    with status(f"installing {', '.join(overlay.requirements)}") as shown:
        installer = find_installer(shown, lock)
        try:
            _write_lines(plan, _with_sources(installer.plan(wanted, python), requirements))
            installer.install(plan, interpreter.executable, target)
        except InstallerError as error:
            lacking = [each for each in requirements if closure([each], installed).unmet]
            problem = explain(str(error), lacking, needed)
            problem.message = f"python_packages: {problem.message}"
            raise problem from None
    target.mkdir(exist_ok=True)
    use_first_python(target / "bin")
    added = inventory([target])
    name = f"{scratch.name.partition('.')[0]}-{secrets.token_hex(4)}"
    target.rename(scratch.with_name(name))
    both = closure(requirements, {**installed, **inventory([scratch.with_name(name)])})
    relied_on = {each: version for each, version in both.relied_on.items() if each not in added}
    return dataclasses.replace(
        overlay,
        folder=name,
        relied_on=relied_on,
        installed={each.name: each.version for each in added.values()},
        warnings=broken_by(added, installed),
    )


def _imitation(folder: Path, interpreter: Interpreter, installed: Inventory) -> Path:
    """Make a Python that seems to have what the interpreter has, wherever it has it from.

    Installers look only into some of the folders, and take what was installed from a path for
    something else.
    """
    packages = packages_folder(folder)
    packages.mkdir(parents=True)
    for each in installed.values():
        directory = packages / f"{each.name.replace('-', '_')}-{each.version}.dist-info"
        directory.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (directory / "METADATA").symlink_to(each.metadata)
    return link_interpreter(folder, interpreter)


def _with_sources(plan: Iterable[str], requirements: Sequence[Requirement]) -> Iterator[str]:
    """Have what the user names by URL come from there: what is printed lacks the password."""
    given = {canonicalize_name(each.name): str(each) for each in requirements if each.url}
    for line in plan:
        name = re.split(r"[ =]", line, maxsplit=1)[0]
        yield given.get(canonicalize_name(name), line)


def _key(requirements: Sequence[Requirement], interpreter: Interpreter) -> str:
    parts = [
        *sorted(f"{each}{_state(each)}" for each in requirements),
        "",
        *map(str, worker_needs()),
        *(sys.version, sysconfig.get_platform(), str(interpreter.executable)),
        *map(str, interpreter.folders),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _state(requirement: Requirement) -> str:
    """Tell one state of a file or a folder that is named by its path from the next."""
    url = urlsplit(requirement.url or "")
    if url.scheme != "file":
        return ""
    path = Path(unquote(url.path))
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return str(max(map(_modified, files)))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _write_lines(file: Path, lines: Iterable[str]) -> None:
    write_whole(file, "".join(f"{line}\n" for line in lines).encode())


@contextlib.contextmanager
def _lock(file: Path) -> Iterator[int]:
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with status("waiting for packages that another sandbox installs"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()
