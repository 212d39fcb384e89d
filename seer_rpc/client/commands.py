"""Commands in a sandbox: what is to run, and what came of it."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seer_rpc.client.workbench import Workbench, cut
from seer_rpc.errors import (
    CommandError,
    CommandOutputError,
    CommandTimeoutError,
    ConfigError,
    SessionError,
)
from seer_runtime.wire.pb import runtime_pb2 as pb

OnOutput: TypeAlias = Callable[[str], None]
"""Takes what a command prints, on either stream, as it comes."""

_LAST_LINES = 20
_MAX_LINE = 1000
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class CommandResult:
    """What came of a command."""

    stdout: str
    stderr: str
    exit_code: int
    """Negative for the signal that ended it."""

    cause: str = ""
    """What else is known of its end: that it was killed for want of memory, say."""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.exit_code == 0

    def check(self) -> str:
        """Give what it printed.

        Raises:
            CommandError: it failed.
        """
        if self.ok:
            return self.stdout
        end = self.cause or describe_exit(self.exit_code)
        error = CommandError(
            f"the command {end}{_tail(self.stderr or self.stdout)}",
            exit_code=self.exit_code,
        )
        error.stdout, error.stderr = self.stdout, self.stderr
        raise error


def shell_command(command: str | Sequence[str]) -> pb.Command:
    """Give a command: shell code as text, or a program and its arguments.

    Raises:
        ConfigError: it is neither.
    """
    if isinstance(command, str):
        return pb.Command(shell=os.fsencode(command))
    values = list(command)
    if not values or not all(isinstance(each, str) for each in values):
        raise ConfigError(
            f"{command!r} is no command",
            hint='give shell code as text, or a list of texts: ["git", "status"]',
        )
    if any("\0" in each for each in values):
        raise ConfigError("an argument of a command cannot hold a null byte")
    return pb.Command(arguments=pb.Arguments(values=[os.fsencode(each) for each in values]))


def set_surroundings(
    command: pb.Command, folder: str, environment: Mapping[str, str], timeout: float | None
) -> None:
    """Say where, with what variables and for how many seconds it may run.

    Raises:
        ConfigError: that cannot be.
    """
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"timeout={timeout!r} must be a positive number of seconds, or None")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise ConfigError(f"{name!r} cannot be an environment variable of that value")
        command.environment[name] = os.fsencode(value)
    command.folder = os.fsencode(folder)
    command.timeout = timeout or 0


def run_command(
    workbench: Workbench,
    command: pb.Command,
    given: bytes,
    on_output: OnOutput | None,
    max_output: int,
) -> CommandResult:
    """Run a command to its end.

    Raises:
        CommandTimeoutError: its time was over.
        CommandOutputError: it printed more than `max_output` bytes, and nobody took them.
    """
    streams = {name: _Output(on_output, max_output) for name in ("stdout", "stderr")}
    end = pb.Exit()
    events = workbench.execute(command, cut(given))
    try:
        for event in events:
            match event.WhichOneof("event"):
                case "exit":
                    end = event.exit
                case str(name):
                    streams[name].add(getattr(event, name))
    except _TooMuchError:
        error: CommandError = CommandOutputError(
            f"the command printed more than {max_output / _MEBIBYTE:g} MiB and was ended",
            hint="have it write to a file, take the output with on_output, or raise max_output",
        )
        raise _with_output(error, streams) from None
    finally:
        events.close()
    stdout, stderr = (stream.finish() for stream in streams.values())
    if end.timed_out:
        error = CommandTimeoutError(
            f"the command did not end within {command.timeout:g} s; it and everything that it had "
            f"started was killed{_tail(stderr or stdout)}",
            exit_code=end.code,
        )
        raise _with_output(error, streams)
    return CommandResult(stdout, stderr, end.code, end.cause)


def pass_through(
    workbench: Workbench,
    command: pb.Command,
    given: Iterable[bytes],
    on_stdout: Callable[[bytes], None],
    on_stderr: Callable[[bytes], None],
) -> int:
    """Run a command that reads and prints elsewhere; gives its exit status.

    Raises:
        CommandTimeoutError: its time was over.
    """
    with contextlib.closing(workbench.execute(command, given)) as events:
        for event in events:
            match event.WhichOneof("event"):
                case "stdout":
                    on_stdout(event.stdout)
                case "stderr":
                    on_stderr(event.stderr)
                case _ if event.exit.timed_out:
                    raise CommandTimeoutError(
                        f"the command did not end within {command.timeout:g} s; it and everything "
                        "that it had started was killed",
                        exit_code=event.exit.code,
                    )
                case _:
                    code: int = event.exit.code
                    return code
    raise SessionError("the runtime ended a command without saying how that ended")


def describe_exit(code: int) -> str:
    """Say how a command ended."""
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


class _TooMuchError(Exception):
    """There is no room for more output."""


class _Output:
    """One stream of a command: all of it, or, where somebody takes it as it comes, the newest."""

    def __init__(self, on_output: OnOutput | None, limit: int) -> None:
        self._on_output = on_output
        self._limit = limit
        self._kept = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def text(self) -> str:
        """What is kept."""
        return self._kept.decode(errors="replace")

    def add(self, data: bytes) -> None:
        self._kept += data
        if self._on_output is not None:
            self._hand_on(self._decoder.decode(data))
            # Not at each piece: what is left is moved.
            if len(self._kept) > 2 * self._limit:
                self._trim()
        elif len(self._kept) > self._limit:
            self._trim()
            raise _TooMuchError

    def finish(self) -> str:
        if self._on_output is not None:
            self._hand_on(self._decoder.decode(b"", final=True))
            self._trim()
        return self.text

    def _hand_on(self, text: str) -> None:
        if text and self._on_output is not None:
            self._on_output(text)

    def _trim(self) -> None:
        excess = len(self._kept) - self._limit
        if excess > 0 and self._on_output is not None:
            del self._kept[:excess]
        elif excess > 0:
            del self._kept[self._limit :]


def _with_output(error: CommandError, streams: Mapping[str, _Output]) -> CommandError:
    error.stdout, error.stderr = streams["stdout"].text, streams["stderr"].text
    return error


def _tail(output: str) -> str:
    """Give the last lines of an output, for a message."""
    lines = output.rstrip().splitlines()[-_LAST_LINES:]
    return "".join(f"\n{line[:_MAX_LINE]}" for line in lines)
