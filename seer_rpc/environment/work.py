"""Work in a sandbox: commands and files, the same wherever it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from seer_rpc.client.commands import (
    CommandResult,
    OnOutput,
    pass_through,
    run_command,
    set_surroundings,
    shell_command,
)
from seer_rpc.client.transfers import receive, send_file, send_folder
from seer_rpc.client.workbench import Workbench, cut
from seer_rpc.errors import ConfigError, SandboxFileNotFoundError, SandboxFileSizeError
from seer_rpc.progress import status
from seer_rpc.sizes import show_size
from seer_runtime.wire.pb.runtime_pb2 import Command, Entry

WORKSPACE = "/workspace"
MAX_OUTPUT = 64 << 20

_KINDS: dict[Entry.Kind.ValueType, Literal["file", "folder", "link", "other"]] = {
    Entry.FILE: "file",
    Entry.FOLDER: "folder",
    Entry.LINK: "link",
    Entry.OTHER: "other",
}


@dataclass(frozen=True)
class FileInfo:
    """What is known of something in a folder of a sandbox."""

    path: str
    kind: Literal["file", "folder", "link", "other"]
    size: int
    """Bytes."""

    modified: datetime
    mode: int
    """Permissions."""


class Work:
    """What can be done in a sandbox that runs.

    Paths are the sandbox's own; relative ones begin at `/workspace`.
    """

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> str:
        """Run a command and give what it printed on standard output.

        The command is over when its own process is; what it leaves in the background runs on.

        Args:
            command: Shell code (bash), or a program and its arguments as they stand.
            timeout: Seconds after which it and all that it started is ended.
            cwd: The folder that it runs in.
            env: Variables on top of the sandbox's.
            input: What it reads on standard input.
            on_output: Gets what it prints, on both streams, as it comes.
            max_output: Bytes of each stream to keep: with `on_output` the newest; without it a
                command that prints more is ended.

        Raises:
            CommandError: it failed; the error has what it printed.
            CommandTimeoutError: its time was over.
            CommandOutputError: it printed too much.
            SandboxFileError: it cannot run in `cwd`.
        """
        return self.run(
            command,
            timeout=timeout,
            cwd=cwd,
            env=env,
            input=input,
            on_output=on_output,
            max_output=max_output,
        ).check()

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> CommandResult:
        """Run a command and give what came of it, a failure too. The arguments are those of `exec`.

        Raises:
            CommandTimeoutError: its time was over.
            CommandOutputError: it printed too much.
            SandboxFileError: it cannot run in `cwd`.
        """
        planned = shell_command(command)
        set_surroundings(planned, cwd, env or {}, timeout)
        return self._run_command(planned, input, on_output, max_output)

    def run_through(
        self,
        command: str | Sequence[str],
        *,
        input: Iterable[bytes],
        on_stdout: Callable[[bytes], None],
        on_stderr: Callable[[bytes], None],
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Run a command that takes its input from elsewhere, piece by piece, and prints elsewhere.

        Gives its exit status, negative for a signal. The other arguments are those of `exec`.

        Raises:
            CommandTimeoutError: its time was over.
            SandboxFileError: it cannot run in `cwd`.
        """
        planned = shell_command(command)
        set_surroundings(planned, cwd, env or {}, timeout)
        return pass_through(self._workbench(), planned, input, on_stdout, on_stderr)

    def exec_python(
        self,
        code: str,
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> str:
        """Run Python code in a process of its own and give what it printed.

        The other arguments, and what it raises, are those of `exec`.
        """
        return self.run_python(
            code,
            timeout=timeout,
            cwd=cwd,
            env=env,
            input=input,
            on_output=on_output,
            max_output=max_output,
        ).check()

    def run_python(
        self,
        code: str,
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> CommandResult:
        """Run Python code in a process of its own and give what came of it, a failure too.

        The other arguments, and what it raises, are those of `run`.
        """
        planned = Command(python=_encoded(code))
        set_surroundings(planned, cwd, env or {}, timeout)
        return self._run_command(planned, input, on_output, max_output)

    def write_file(self, path: str, content: str | bytes) -> None:
        """Write a file whole or not at all, text as UTF-8; folders are made where need be.

        Raises:
            SandboxFileError: it cannot be written; the class says why.
        """
        self._workbench().write(path, cut(_encoded(content)))

    def read_file(self, path: str) -> str:
        """Give the text of a file, from UTF-8.

        Raises:
            SandboxFileError: it cannot be read; the class says why.
            UnicodeDecodeError: it is no text.
        """
        return self.read_bytes(path).decode()

    def read_bytes(self, path: str, *, max_bytes: int | None = None) -> bytes:
        """Give what a file holds.

        Raises:
            SandboxFileError: it cannot be read; the class says why.
            SandboxFileSizeError: it holds more than `max_bytes`.
        """
        content = bytearray()
        with closing(self._workbench().read(path)) as pieces:
            for piece in pieces:
                content += piece
                if max_bytes is not None and len(content) > max_bytes:
                    raise too_large(path, max_bytes)
        return bytes(content)

    def ensure_dir(self, path: str) -> None:
        """Make a folder and those above it; one that is there is fine.

        Raises:
            SandboxFileError: it cannot be made; the class says why.
        """
        self._workbench().make_folder(path)

    def list_files(self, path: str = WORKSPACE, *, recursive: bool = False) -> list[FileInfo]:
        """Say what is in a folder, by path; with `recursive` in those below, too.

        Links are named and not followed.

        Raises:
            SandboxFileError: it cannot be read; the class says why.
        """
        entries = self._workbench().entries(path, is_recursive=recursive)
        return sorted((_info(path, each) for each in entries), key=lambda info: info.path)

    def upload_file(self, local_path: str | Path, sandbox_path: str | None = None) -> None:
        """Put a file into the sandbox, in `/workspace` unless told otherwise.

        Raises:
            SandboxError: it cannot be read here.
            SandboxFileError: it cannot be written there.
        """
        file = Path(local_path)
        with _progress("uploading", file.name) as on_bytes:
            send_file(self._workbench(), file, sandbox_path or file.name, on_bytes)

    def upload_dir(self, local_path: str | Path, sandbox_path: str | None = None) -> None:
        """Put what a folder holds into one of the sandbox; without `sandbox_path` of the same name.

        Raises:
            SandboxError: something in it cannot be read here or is no file, or is a link that leads
                out of it.
            SandboxFileError: it cannot be written there.
        """
        folder = Path(local_path)
        with _progress("uploading", folder.name) as on_bytes:
            send_folder(self._workbench(), folder, sandbox_path or folder.name, on_bytes)

    def download(self, path: str, local_path: str | Path | None = None) -> Path:
        """Copy a file, or what a folder holds, to this machine; gives where it is.

        Without `local_path` that is here under the same name; a file goes into `local_path` where
        that is a folder. Nothing is written elsewhere, whatever the sandbox says.

        Raises:
            SandboxFileError: it cannot be read there, or has something in it that is neither file
                nor folder, or a link that leads out of it.
            SandboxError: it cannot be written here.
        """
        target = Path(local_path) if local_path is not None else Path(PurePosixPath(path).name)
        with _progress("downloading", path) as on_bytes:
            return receive(self._workbench(), path, target, on_bytes)

    def remove(self, path: str, *, missing_ok: bool = False) -> None:
        """Remove a file, or a folder with all that is in it.

        Raises:
            SandboxFileError: it cannot be removed; the class says why.
        """
        try:
            self._workbench().remove(path)
        except SandboxFileNotFoundError:
            if not missing_ok:
                raise

    def _workbench(self) -> Workbench:
        raise NotImplementedError

    def _run_command(
        self, command: Command, given: str | bytes, on_output: OnOutput | None, max_output: int
    ) -> CommandResult:
        return run_command(self._workbench(), command, _encoded(given), on_output, max_output)


def _encoded(content: str | bytes) -> bytes:
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    raise ConfigError(f"text or bytes are needed, not {type(content).__name__}")


def too_large(path: str, max_bytes: int) -> SandboxFileSizeError:
    """Give the error of a file that holds more than that."""
    error = SandboxFileSizeError(
        f"{path!r} in the sandbox holds more than {max_bytes} bytes",
        hint="raise max_bytes, or download it",
    )
    error.path = path
    return error


def _info(folder: str, entry: Entry) -> FileInfo:
    return FileInfo(
        path=str(PurePosixPath(WORKSPACE, folder, os.fsdecode(entry.path))),
        kind=_KINDS[entry.kind],
        size=entry.size,
        modified=datetime.fromtimestamp(entry.modified / 1e9, UTC),
        mode=entry.mode,
    )


@contextmanager
def _progress(verb: str, name: str) -> Iterator[Callable[[int], None]]:
    """Show on standard error, where it takes long, how much has gone by."""
    with status(f"{verb} {name}") as shown:
        yield lambda done: shown.show(show_size(done))
