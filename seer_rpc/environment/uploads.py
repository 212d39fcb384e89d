"""What is put into a machine before an interface runs there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from seer_rpc.client.transfers import send_file, send_folder
from seer_rpc.client.workbench import Workbench
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.siblings import sibling_files
from seer_rpc.environment.workspaces import install_workspace
from seer_rpc.errors import InterfaceMissingError, InterfaceSyntaxError
from seer_rpc.workspace import Workspace
from seer_runtime.wire.parcels import pack_bytes, parcels

HOME = PurePosixPath("/root")
_START = "at the start"
"""The session that has what a sandbox begins with; those of others have no spaces."""


def furnish(workbench: Workbench, config: SandboxConfig, workspace: Workspace) -> None:
    """Put in what the config and the workspace name."""
    for local, path in config.local_files:
        send_file(workbench, Path(local), str(HOME / path), _ignore)
    for local, path in config.local_dirs:
        send_folder(workbench, Path(local), str(HOME / path), _ignore)
    # One that goes on from a snapshot keeps what it began with.
    if workspace != Workspace():
        install_workspace(workbench, workspace, _START)


def upload_interface(
    workbench: Workbench, file: Path, name: str, sources: dict[PurePosixPath, Path]
) -> str:
    """Put an interface file into the sandbox, the modules beside it that it imports with it.

    They go to the home, or, where that has another file of one of their names, to a folder
    `name` in it; `sources` says which file of this machine each one is. Gives the interface's path
    in the sandbox.

    Raises:
        InterfaceMissingError: there is no such file.
        InterfaceSyntaxError: it is not Python.
    """
    check_source(file)
    files = {each.relative_to(file.parent): each for each in (file, *sibling_files(file))}
    clashes = any(sources.get(HOME / path, each) != each for path, each in files.items())
    folder = HOME / name if clashes else HOME
    _send_contents(workbench, {folder / path: each.read_bytes() for path, each in files.items()})
    sources |= {folder / path: each for path, each in files.items()}
    return str(folder / file.name)


def check_source(file: Path) -> None:
    """See to it that a file is there and is Python.

    Raises:
        InterfaceMissingError: there is no such file.
        InterfaceSyntaxError: it is not Python.
    """
    try:
        compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except OSError as error:
        raise InterfaceMissingError(
            f"cannot read the interface file {file}: {error.strerror}",
            hint=f"relative paths begin at {Path.cwd()}",
        ) from None
    except SyntaxError as error:
        line = f": {error.text.strip()}" if error.text else ""
        raise InterfaceSyntaxError(f"{file}, line {error.lineno}: {error.msg}{line}") from None
    except ValueError as error:
        raise InterfaceSyntaxError(f"{file}: {error}") from None


def _send_contents(workbench: Workbench, contents: Mapping[PurePosixPath, bytes]) -> None:
    """Write files in the home, all at once."""
    if contents:
        entries = (
            entry
            for path, content in contents.items()
            for entry in pack_bytes(str(path.relative_to(HOME)), content)
        )
        workbench.upload(str(HOME), parcels(entries))


def _ignore(done: int) -> None:
    pass
