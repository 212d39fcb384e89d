"""Every error that this library raises on purpose.

SeerError
├── ConfigError                 what was asked for cannot work as it is written (a ValueError)
│   ├── UnknownFieldError       a config has no such field (a TypeError)
│   ├── ModelNotFoundError      a model that is neither here nor to be had (a LookupError)
│   ├── PackageMissingError     packages that the sandbox would lack
│   │   ├── PackageInstallError Python packages that cannot be installed
│   │   └── SystemPackageError  system packages that are not installed
│   ├── RepoError               a repository that is not to be had, or cannot be installed
│   └── BackendError            no backend can run the sandbox
│       ├── BackendCredentialsError     its service gets no credentials, or does not take them
│       └── BackendVersionError         its client is not installed, or not in a supported version
├── InterfaceError              an interface file cannot be served
│   ├── InterfaceMissingError   there is no such file (a FileNotFoundError)
│   ├── InterfaceSyntaxError    it is not Python
│   ├── InterfaceLoadError      it raised, or its process died, while it loaded
│   ├── InterfacePendingError   it imports a module that has not been uploaded yet
│   └── NothingExposedError     it exposes no function
├── CallError                   a call gave no value
│   ├── ArgumentError           the arguments do not fit; the function did not run (a TypeError)
│   ├── FunctionMissingError    the interface exposes no such function (an AttributeError)
│   ├── ValueCrossingError      an argument or the result cannot cross (a TypeError)
│   ├── RemoteError             the function raised; also an instance of the class that it raised
│   │   └── DeviceMemoryError   a device had no memory left; the worker goes on
│   ├── RemoteExit              the function called sys.exit; the worker goes on
│   ├── DeadlineExceededError   the time that the caller gave is over (a TimeoutError)
│   ├── CallCancelledError      the call was cancelled
│   ├── WorkerDiedError         the worker process ended before there was an answer
│   ├── QueueFullError          too many calls wait already; nothing ran
│   └── StateLostError          the worker was restarted since the last call; nothing ran
├── SessionError                no session with the interface
│   ├── AuthenticationError     the token was refused, or a certificate by either side
│   ├── InterfaceGoneError      the sandbox does not serve this interface
│   ├── SchemaChangedError      the library was made from another version of the interface
│   ├── SessionOverError        the runtime does not know the session any more
│   ├── ConnectionFileError     the connection file is missing, open to others, or not readable
│   └── SandboxLostError        the sandbox is gone (a ConnectionError)
│       └── SandboxExpiredError its time was over
├── NotebookError               a notebook session cannot do what was asked of it
│   ├── NotebookStartError      Jupyter, or a notebook's kernel, did not start
│   ├── NotebookAccessError     its URL leads nowhere, or does not let in (a ConnectionError)
│   ├── NotebookMissingError    it has no such session, cell or execution (a LookupError)
│   ├── CellError               the code raised
│   │   └── ModelLoadError      a model could not be loaded into the kernel
│   ├── CellRunningError        the time to wait is over; the code runs on (a TimeoutError)
│   └── KernelDiedError         the kernel ended, or was restarted, before the code was over
└── SandboxError                a sandbox cannot do what was asked of it now
    ├── SandboxStartError       it did not start
    │   ├── IsolationError      this machine cannot keep it apart as it was asked to
    │   ├── CapacityError       there was no machine for it in time
    │   ├── ModelFetchError     a model did not arrive where the sandbox was to run
    │   └── TunnelError         the way to it is not one that calls can take
    ├── SnapshotError           a snapshot cannot be taken, found or restored
    ├── CodeServerError         code-server cannot be had, or does not start
    ├── ContainerError          there is no Docker engine, or it does not run the container
    ├── CommandError            a command failed
    │   ├── CommandTimeoutError its time was over, and it was ended (a TimeoutError)
    │   └── CommandOutputError  it printed more than there is room for
    └── SandboxFileError        a path of the sandbox cannot be used like that
        ├── SandboxFileNotFoundError    there is nothing (a FileNotFoundError)
        ├── SandboxIsADirectoryError    it is a folder (an IsADirectoryError)
        ├── SandboxNotADirectoryError   it is none (a NotADirectoryError)
        ├── SandboxPermissionError      the sandbox's user may not (a PermissionError)
        └── SandboxFileSizeError        it holds more than the caller wants

In a generated library, the exceptions that the interface itself defines are classes below
RemoteError.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from seer_runtime.wire.differences import differences

__all__ = [
    "ArgumentError",
    "AuthenticationError",
    "BackendCredentialsError",
    "BackendError",
    "BackendVersionError",
    "CallCancelledError",
    "CallError",
    "CapacityError",
    "CellError",
    "CellRunningError",
    "CodeServerError",
    "CommandError",
    "CommandOutputError",
    "CommandTimeoutError",
    "ConfigError",
    "ConnectionFileError",
    "ContainerError",
    "DeadlineExceededError",
    "DeviceMemoryError",
    "FunctionMissingError",
    "InterfaceError",
    "InterfaceGoneError",
    "InterfaceLoadError",
    "InterfaceMissingError",
    "InterfacePendingError",
    "InterfaceSyntaxError",
    "IsolationError",
    "KernelDiedError",
    "ModelFetchError",
    "ModelLoadError",
    "ModelNotFoundError",
    "NotebookAccessError",
    "NotebookError",
    "NotebookMissingError",
    "NotebookStartError",
    "NothingExposedError",
    "PackageInstallError",
    "PackageMissingError",
    "QueueFullError",
    "RemoteError",
    "RemoteExit",
    "RepoError",
    "SandboxError",
    "SandboxExpiredError",
    "SandboxFileError",
    "SandboxFileNotFoundError",
    "SandboxFileSizeError",
    "SandboxIsADirectoryError",
    "SandboxLostError",
    "SandboxNotADirectoryError",
    "SandboxPermissionError",
    "SandboxStartError",
    "SchemaChangedError",
    "SeerError",
    "SessionError",
    "SessionOverError",
    "SnapshotError",
    "StateLostError",
    "SystemPackageError",
    "TunnelError",
    "UnknownFieldError",
    "ValueCrossingError",
    "WorkerDiedError",
]


class SeerError(Exception):
    """What every error of this library is.

    Attributes:
        message: what happened.
        hint: what to do about it; empty where there is nothing to advise.
        remote_traceback: the traceback in the sandbox as Python prints it, from the user's first
            frame on; empty where nothing ran there.
        log: the last lines that the sandbox printed, where a process died.
        exit_code: the exit status of the process that died, negative for a signal.
        started: whether the user's function had begun to run.
        state: what is known about the interface's module state: "kept"; "tainted", where the
            function was ended somewhere inside; or "lost", where the worker was restarted.
        call_id: the call that failed, as the log and the journal name it; empty where there was
            none.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        remote_traceback: str = "",
        log: Sequence[str] = (),
        exit_code: int | None = None,
        started: bool = False,
        state: Literal["kept", "tainted", "lost"] = "kept",
        call_id: str = "",
    ) -> None:
        """Take what is known."""
        # Not super(): a builtin that this is an instance of too may want other arguments.
        Exception.__init__(self, message)
        self.message = message
        self.hint = hint
        self.remote_traceback = remote_traceback
        self.log: tuple[str, ...] = tuple(log)
        self.exit_code = exit_code
        self.started = started
        self.state = state
        self.call_id = call_id

    def __str__(self) -> str:
        """Show the message, and everything that helps to understand it."""
        parts = [self.message]
        if self.remote_traceback:
            parts.append(f"In the sandbox:\n{self.remote_traceback.rstrip()}")
        if self.log:
            parts.append("\n".join(["Last lines of the log:", *self.log]))
        if self.call_id:
            parts.append(f"Call: {self.call_id}")
        if self.hint:
            parts.append(f"What to do: {self.hint}")
        return "\n\n".join(parts)


class ConfigError(SeerError, ValueError):
    """What was asked for cannot work as it is written."""


class UnknownFieldError(ConfigError, TypeError):
    """A config has no such field."""


class ModelNotFoundError(ConfigError, LookupError):
    """A model that is neither on this machine nor to be had, or that is not configured."""


class PackageMissingError(ConfigError):
    """Packages that the sandbox would lack."""


class PackageInstallError(PackageMissingError):
    """Python packages that cannot be installed.

    Attributes:
        package: the one that is to blame; empty where that is none alone.
    """

    package: str = ""


class SystemPackageError(PackageMissingError):
    """System packages that are not installed, where the sandbox may not install them."""


class RepoError(ConfigError):
    """A repository that is not to be had as it is named, or that cannot be installed."""


class BackendError(ConfigError):
    """No backend can run the sandbox."""


class BackendCredentialsError(BackendError):
    """The service that is to run the sandbox gets no credentials, or does not take them."""


class BackendVersionError(BackendError):
    """The backend's client is not installed, or in a version that is not supported."""


class InterfaceError(SeerError):
    """An interface file cannot be served."""


class InterfaceMissingError(InterfaceError, FileNotFoundError):
    """There is no such interface file."""


class InterfaceSyntaxError(InterfaceError):
    """The interface file is not Python."""


class InterfaceLoadError(InterfaceError):
    """The interface file raised, or its process died, while it loaded."""


class InterfacePendingError(InterfaceError):
    """The interface imports a module that the sandbox does not have yet.

    Attributes:
        module: the module that is missing.
    """

    module: str = ""


class NothingExposedError(InterfaceError):
    """The interface file exposes no function."""


class CallError(SeerError):
    """A call gave no value."""


class ArgumentError(CallError, TypeError):
    """The arguments do not fit the function, which did not run."""


class FunctionMissingError(CallError, AttributeError):
    """The interface exposes no such function."""


class ValueCrossingError(CallError, TypeError):
    """An argument or the result cannot cross the wire; the message says where inside it."""


class RemoteError(CallError):
    """The exposed function raised.

    Where it raised a builtin exception, or one of a module that is loaded here too, this is an
    instance of that class as well: `except ValueError` works as it would in process. Where the
    interface defines the class, it is an instance of the generated library's class of that name.

    It has the public attributes that the exception had been given, those that are plain values
    and, all together, small; none of them takes the place of one that every error has.

    Attributes:
        exception: the qualified name of the class that it raised.
    """

    exception: str = ""

    if TYPE_CHECKING:
        # Which attributes an exception is given, only the sandbox knows.
        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def of(cls, exception: str) -> type[RemoteError]:
        """Give the class for the exception of that qualified name."""
        return _remote_class(cls, exception) or cls

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the name of what was raised where the class itself is made on demand."""
        cls = next(each for each in type(self).__mro__ if each not in _MIXED.values())
        return _rebuild, (cls, self.exception, self.message), vars(self)


class DeviceMemoryError(RemoteError):
    """A device had no memory left for what the function did. The worker goes on."""


def _remote_class(base: type[RemoteError], exception: str) -> type[RemoteError] | None:
    """Give a class that is `base` and the exception, where that is one here."""
    module, _, name = exception.rpartition(".")
    cls = getattr(sys.modules.get(module or "builtins"), name, None)
    if not (isinstance(cls, type) and issubclass(cls, Exception)):
        return None
    # What this library itself says of a call is nothing that a function can say.
    if issubclass(cls, SeerError):
        return None
    # Groups hold exceptions, which stay in the sandbox; the others would end an iteration of the
    # caller's own.
    if issubclass(cls, BaseExceptionGroup | StopIteration | StopAsyncIteration):
        return None
    try:
        if (base, cls) not in _MIXED:
            _MIXED[base, cls] = type(f"Remote{name}", (base, cls), {"__module__": __name__})
    except TypeError:
        # Its memory is laid out in a way of its own.
        return None
    return _MIXED[base, cls]


_MIXED: dict[tuple[type, type], type[RemoteError]] = {}


def _rebuild(base: type[RemoteError], exception: str, message: str) -> RemoteError:
    cls = base.of(exception) if base in (RemoteError, DeviceMemoryError) else base
    return cls(message)


class RemoteExit(CallError):  # noqa: N818 - as SystemExit is named
    """The exposed function called sys.exit. The worker goes on."""


class DeadlineExceededError(CallError, TimeoutError):
    """The time that the caller gave is over, and the function was ended."""


class CallCancelledError(CallError):
    """The call was cancelled."""


class WorkerDiedError(CallError):
    """The worker process ended before there was an answer; module state is lost.

    `started` says whether this call may have run; a call that had not started can be repeated.
    """


class QueueFullError(CallError):
    """Too many calls wait for the interface already. Nothing ran."""


class StateLostError(CallError):
    """The worker was restarted since the session's last call. Raised once; nothing ran."""


class SessionError(SeerError):
    """There is no session with the interface."""


class AuthenticationError(SessionError):
    """The sandbox refused the token, or one side the other's certificate."""


class InterfaceGoneError(SessionError):
    """The sandbox does not serve this interface."""


class SchemaChangedError(SessionError):
    """The library was made from another version of the interface; the message says what changed.

    Attributes:
        outline: a line for each function and type that the interface has now, by its kind and
            name, such as "function add".
        changes: what is gone, changed and new, where a library knows what there was.
    """

    outline: Mapping[str, str] = MappingProxyType({})
    changes: Sequence[str] = ()

    def compare(self, before: Mapping[str, str]) -> None:
        """Say what changed since the interface had this outline."""
        if self.outline and not self.changes:
            self.changes = differences(before, self.outline)
            self.message = "\n".join([self.message, *self.changes])


class SessionOverError(SessionError):
    """The runtime does not know the session any more: its client was away for too long."""


class ConnectionFileError(SessionError):
    """The connection file is missing, open to others, or not readable."""


class SandboxLostError(SessionError, ConnectionError):
    """The sandbox is gone. Where a call was on its way, `started` says that it may have run."""


class SandboxExpiredError(SandboxLostError):
    """The sandbox reached the end of its time, or nobody used it for too long."""


class NotebookError(SeerError):
    """A notebook session cannot do what was asked of it."""


class NotebookStartError(NotebookError):
    """Jupyter, or the kernel of a notebook, did not start."""


class NotebookAccessError(NotebookError, ConnectionError):
    """The URL of a notebook leads nowhere, or does not let in."""


class NotebookMissingError(NotebookError, LookupError):
    """There is no such session, or it has no such cell or execution."""


class CellError(NotebookError):
    """Code in a notebook raised.

    Attributes:
        exception: the name of the class that it raised.
        result: what it put out until then.
    """

    exception: str = ""
    result: Any = None


class ModelLoadError(CellError):
    """A model could not be loaded into the kernel of a notebook."""


class CellRunningError(NotebookError, TimeoutError):
    """The time to wait is over, and the code runs on.

    Attributes:
        execution: what to wait for it with, or to interrupt it.
    """

    execution: Any = None


class KernelDiedError(NotebookError):
    """The kernel ended, or was restarted, before the code was over.

    Attributes:
        result: what the code put out until then.
    """

    result: Any = None


class SandboxError(SeerError):
    """A sandbox cannot do what was asked of it now."""


class SandboxStartError(SandboxError):
    """A sandbox did not start."""


class CapacityError(SandboxStartError):
    """There was no machine for the sandbox in time."""


class ModelFetchError(SandboxStartError):
    """A model did not arrive where the sandbox was to run. What has arrived stays for next time."""


class TunnelError(SandboxStartError):
    """The way to the sandbox is not one that calls can take."""


class CodeServerError(SandboxError):
    """The program code-server cannot be had, or does not start."""


class ContainerError(SandboxError):
    """There is no Docker engine, or it cannot build or run a container."""


class CommandError(SandboxError):
    """A command failed; `exit_code` says how, negative for the signal that ended it.

    Attributes:
        stdout: what it had printed.
        stderr: what it had printed on standard error.
    """

    stdout: str = ""
    stderr: str = ""


class CommandTimeoutError(CommandError, TimeoutError):
    """A command's time was over. All that it had started was ended, too."""


class CommandOutputError(CommandError):
    """A command printed more than there is room for. All that it had started was ended."""


class SandboxFileError(SandboxError):
    """A path of the sandbox cannot be used like that.

    Attributes:
        path: that path.
    """

    path: str = ""


class SandboxFileNotFoundError(SandboxFileError, FileNotFoundError):
    """The sandbox has nothing under that path."""


class SandboxIsADirectoryError(SandboxFileError, IsADirectoryError):
    """It is a folder of the sandbox, not a file."""


class SandboxNotADirectoryError(SandboxFileError, NotADirectoryError):
    """It is no folder of the sandbox."""


class SandboxPermissionError(SandboxFileError, PermissionError):
    """The sandbox's user may not do that."""


class SnapshotError(SandboxError):
    """A snapshot cannot be taken, found or restored."""


class SandboxFileSizeError(SandboxFileError):
    """A file of the sandbox holds more than the caller wants."""


class IsolationError(SandboxStartError):
    """This machine cannot keep the sandbox apart as it was asked to."""
