"""Processes of this machine that sessions run, with limits that hold."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from seer_rpc.client.commands import CommandResult
from seer_rpc.errors import CommandError, CommandOutputError, CommandTimeoutError, ConfigError

MAX_OUTPUT = 64 << 20

_PIECE = 1 << 16
_LOOK = 0.05
_GRACE = 1.0
"""Seconds from the request to end to the end by force."""


def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
    pass_fds: Sequence[int] = (),
) -> CommandResult:
    """Run a program, which finds nothing on standard input, and give what came of it.

    It is over when its own process is; what it leaves in the background runs on.

    Raises:
        CommandTimeoutError: its time was over. All of its process group was ended.
        CommandOutputError: it printed more than there is room for, likewise.
    """
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"timeout={timeout!r} must be a positive number of seconds, or None")
    deadline = None if timeout is None else time.monotonic() + timeout
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
        start_new_session=True,
    )
    output = _Output(process)
    try:
        while process.poll() is None:
            output.take(_LOOK)
            if output.is_too_much:
                raise _ended(process, output, CommandOutputError, "printed more than 64 MiB")
            if deadline is not None and time.monotonic() > deadline:
                raise _ended(
                    process, output, CommandTimeoutError, f"did not end within {timeout:g} s"
                )
        output.take(0)
    finally:
        # Ctrl-C does not reach it by itself.
        if process.poll() is None:
            end_group(process)
        output.close()
    return CommandResult(output.text("stdout"), output.text("stderr"), process.returncode)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    process.wait()


class _Output:
    """What a process prints, as much as there is room for."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._kept = {"stdout": bytearray(), "stderr": bytearray()}
        self._selector = selectors.DefaultSelector()
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, name)
        self._streams = [process.stdout, process.stderr]

    @property
    def is_too_much(self) -> bool:
        return any(len(kept) > MAX_OUTPUT for kept in self._kept.values())

    def text(self, name: str) -> str:
        return bytes(self._kept[name][:MAX_OUTPUT]).decode(errors="replace")

    def take(self, seconds: float) -> None:
        """Take what there is, waiting so long for something."""
        if not self._selector.get_map():
            time.sleep(seconds)
        while (events := self._selector.select(seconds)) and not self.is_too_much:
            for key, _ in events:
                self._read(key)
            seconds = 0

    def close(self) -> None:
        self._selector.close()
        for stream in self._streams:
            if stream is not None:
                stream.close()

    def _read(self, key: selectors.SelectorKey) -> None:
        stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
        with contextlib.suppress(BlockingIOError):
            data = os.read(stream.fileno(), _PIECE)
            if not data:
                self._selector.unregister(stream)
            self._kept[key.data] += data


def _ended(
    process: subprocess.Popen[bytes], output: _Output, cls: type[CommandError], why: str
) -> CommandError:
    end_group(process)
    output.take(0)
    error = cls(
        f"the program {why}; it and everything that it had started was ended",
        exit_code=process.returncode,
    )
    error.stdout, error.stderr = output.text("stdout"), output.text("stderr")
    return error
