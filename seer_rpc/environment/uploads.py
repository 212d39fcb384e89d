"""What is put into a machine before an interface runs there."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from seer_rpc.backends import Machine
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.siblings import sibling_files
from seer_rpc.errors import InterfaceMissingError, InterfaceSyntaxError
from seer_rpc.workspace import Workspace

HOME = PurePosixPath("/root")
LIBRARIES = PurePosixPath("/root/libraries")


def furnish(machine: Machine, config: SandboxConfig, workspace: Workspace) -> None:
    """Put in what the config and the workspace name."""
    for local, path in config.local_files:
        machine.write(path, Path(local).read_bytes())
    for local, path in config.local_dirs:
        _upload_folder(machine, Path(local), PurePosixPath(path))
    for library in workspace.libraries:
        root = LIBRARIES if library.is_single_file else LIBRARIES / library.name
        for name, text in library.files.items():
            machine.write(str(root / name), text.encode())


def upload_interface(
    machine: Machine, file: Path, name: str, sources: dict[PurePosixPath, Path]
) -> str:
    """Put an interface file into the sandbox, the modules beside it that it imports with it.

    They go to the home, or, where that has another file of one of their names, to a folder
    `name` in it; `sources` says which file of this machine each one is. Gives the path under
    which processes inside the sandbox find the interface.

    Raises:
        InterfaceMissingError: there is no such file.
        InterfaceSyntaxError: it is not Python.
    """
    _check_source(file)
    files = {each.relative_to(file.parent): each for each in (file, *sibling_files(file))}
    clashes = any(sources.get(HOME / path, each) != each for path, each in files.items())
    folder = HOME / name if clashes else HOME
    for path, each in files.items():
        machine.write(str(folder / path), each.read_bytes())
        sources[folder / path] = each
    return machine.path(str(folder / file.name))


def _check_source(file: Path) -> None:
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


def _upload_folder(machine: Machine, folder: Path, target: PurePosixPath) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            machine.write(str(target / file.relative_to(folder)), file.read_bytes())
