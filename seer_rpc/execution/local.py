"""Local sessions: a workspace in a folder of this machine, to work in."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seer_rpc.client.commands import CommandResult
from seer_rpc.errors import ConfigError, SessionOverError
from seer_rpc.execution import modules
from seer_rpc.execution.processes import run_process
from seer_rpc.execution.programs import program
from seer_rpc.workspace import Workspace
from seer_rpc.workspace.installing import withdraw
from seer_rpc.workspace.parcels import PRIVATE
from seer_rpc.workspace.places import Folder

_ACTIVATE = PRIVATE / "activate"
_RUN = 'exec(compile(open(__import__("sys").argv.pop(), "rb").read(), "<session>", "exec"))'

_OPEN: dict[tuple[Path, str], LocalSession] = {}
"""The newest session of each name in each folder."""


class LocalSession:
    """A folder whose libraries this process can import, and the Pythons that it starts.

    At the end of a `with` block it is terminated.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Use `create_local_session`."""
        self._folder = folder
        self._name = name
        self._id = secrets.token_hex(8)
        self._workspace = Workspace()

    @property
    def session_id(self) -> str:
        """What no other session has."""
        return self._id

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    @property
    def workspace_dir(self) -> Path:
        """The folder."""
        return self._folder

    @property
    def mcp_config(self) -> dict[str, Any]:
        """The MCP servers of its libraries, by name, as clients are told of them.

        The folder's `.mcp.json` has them, too.
        """
        return dict(self._workspace.mcp_servers)

    @property
    def env(self) -> dict[str, str]:
        """This process's variables, with which another program finds this Python and the libraries.

        `. WORKSPACE_DIR/.seer/activate` sets them in a shell.
        """
        return {**os.environ, "PATH": _path(), "PYTHONPATH": modules.searching(self._folder)}

    def setup(self, workspace: Workspace) -> None:
        """Put a workspace in the place of the one that was there.

        What was imported before under the name of one of its libraries is imported anew.

        Raises:
            ConfigError: something that was not installed is in the way.
            InterfaceError: a served interface is not loaded yet.
        """
        self._check_open()
        workspace.install(self._folder, self._name)
        place = Folder(self._folder)
        place.write({_ACTIVATE: _activation(self._folder).encode()}, 0o600)
        modules.forget({each.name for each in workspace.libraries})
        self.leave_to(workspace)
        self._workspace = workspace
        modules.search(self._folder)

    def exec(self, code: str, *, timeout: float | None = None) -> CommandResult:
        """Run Python in a process of its own, in the folder, and give what came of it.

        The workspace's `custom_init_code` runs before it. Nothing but files stays from one to the
        next.

        Args:
            code: The program. It finds nothing on standard input.
            timeout: Seconds after which it and all of its process group is ended.

        Raises:
            CommandError: it failed; the message ends with its traceback.
            CommandTimeoutError: its time was over.
            CommandOutputError: it printed more than 64 MiB.
        """
        self._check_open()
        with tempfile.TemporaryFile() as file:
            file.write(program(self._workspace.custom_init_code, code).encode())
            file.seek(0)
            result = run_process(
                [sys.executable, "-c", _RUN, f"/dev/fd/{file.fileno()}"],
                cwd=self._folder,
                env=self.env,
                timeout=timeout,
                pass_fds=[file.fileno()],
            )
        result.check()
        return result

    def terminate(self) -> None:
        """End it: connections are closed, modules forgotten, what is secret is removed.

        All other files stay. Twice is as good as once.
        """
        if not self._is_open:
            return
        del _OPEN[self._folder, self._name]
        modules.forget({each.name for each in self._workspace.libraries}, self._folder)
        if all(folder != self._folder for folder, _ in _OPEN):
            modules.leave(self._folder)
        withdraw(Folder(self._folder), self._name)

    def leave_to(self, workspace: Workspace) -> None:
        """Forget what it had that the next session's `workspace` has not."""
        names = {each.name for each in self._workspace.libraries}
        modules.forget(names - {each.name for each in workspace.libraries}, self._folder)

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Terminate it."""
        self.terminate()

    def __repr__(self) -> str:
        """Show where it is."""
        return f"LocalSession({self._name!r}, {str(self._folder)!r})"

    @property
    def _is_open(self) -> bool:
        return _OPEN.get((self._folder, self._name)) is self

    def _check_open(self) -> None:
        if not self._is_open:
            raise SessionOverError(
                f"session {self._name!r} is over: it was terminated, or created anew",
                hint="create_local_session() makes another one",
            )


def create_local_session(
    workspace: Workspace, workspace_dir: str | Path, name: str | None = None
) -> LocalSession:
    """Put a workspace into `workspace_dir` and make its libraries importable here.

    They are importable in every Python that this process starts, too, and in scripts of that
    folder. An earlier session of that name in that folder is over: what its workspace had and this
    one has not is removed from it. `name` is the folder's own by default.

    Raises:
        ConfigError: something that was not installed is in the way.
        InterfaceError: a served interface is not loaded yet.
    """
    folder = Path(workspace_dir).resolve()
    if os.pathsep in str(folder):
        raise ConfigError(
            f"Python cannot be told to look in {folder}", hint=f'its path has a "{os.pathsep}"'
        )
    session = LocalSession(folder, name or folder.name)
    before = _OPEN.pop((folder, session.name), None)
    _OPEN[folder, session.name] = session
    try:
        session.setup(workspace)
    except BaseException:
        del _OPEN[folder, session.name]
        if before is not None:
            _OPEN[folder, session.name] = before
        raise
    if before is not None:
        before.leave_to(workspace)
    return session


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _activation(folder: Path) -> str:
    programs, place = shlex.quote(str(Path(sys.executable).parent)), shlex.quote(str(folder))
    return (
        f"# For a shell: . {shlex.quote(str(folder / _ACTIVATE))}\n"
        f'export PATH={programs}:"$PATH"\n'
        f'export PYTHONPATH={place}"${{PYTHONPATH:+:$PYTHONPATH}}"\n'
    )
