"""Failures that arrive to the errors that are raised: one table."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Literal, TypeAlias

from seer_rpc import errors
from seer_runtime.wire.attributes import unpack_attributes
from seer_runtime.wire.pb.runtime_pb2 import Failure

RemoteClasses: TypeAlias = Mapping[str, type[errors.RemoteError]]

_ERRORS: dict[Failure.Kind.ValueType, type[errors.SeerError]] = {
    Failure.RAISED: errors.RemoteError,
    Failure.EXITED: errors.RemoteExit,
    Failure.ARGUMENTS: errors.ArgumentError,
    Failure.NO_FUNCTION: errors.FunctionMissingError,
    Failure.VALUE: errors.ValueCrossingError,
    Failure.WORKER_DIED: errors.WorkerDiedError,
    Failure.STATE_LOST: errors.StateLostError,
    Failure.NO_INTERFACE: errors.InterfaceGoneError,
    Failure.SCHEMA_CHANGED: errors.SchemaChangedError,
    Failure.SYNTAX: errors.InterfaceSyntaxError,
    Failure.LOAD: errors.InterfaceLoadError,
    Failure.MISSING_MODULE: errors.InterfacePendingError,
    Failure.NOTHING_EXPOSED: errors.NothingExposedError,
    Failure.UNKNOWN_MODEL: errors.ModelNotFoundError,
    Failure.CANCELLED: errors.CallCancelledError,
    Failure.DEADLINE: errors.DeadlineExceededError,
    Failure.OUT_OF_MEMORY: errors.DeviceMemoryError,
    Failure.BUSY: errors.QueueFullError,
    Failure.SESSION_OVER: errors.SessionOverError,
    Failure.DRAINING: errors.SandboxLostError,
}
_STATES: dict[Failure.State.ValueType, Literal["kept", "tainted", "lost"]] = {
    Failure.KEPT: "kept",
    Failure.TAINTED: "tainted",
    Failure.LOST: "lost",
}
# What is told with the name of the exception.
_NAMED = frozenset({Failure.RAISED, Failure.LOAD, Failure.OUT_OF_MEMORY})
# What needs no look at the user's own code to be understood.
_WITHOUT_TRACEBACK = frozenset(
    {Failure.ARGUMENTS, Failure.NO_FUNCTION, Failure.VALUE, Failure.NOTHING_EXPOSED}
)


def to_error(failure: Failure, own: RemoteClasses | None = None) -> errors.SeerError:
    """Give the error that says what `failure` says.

    `own` are the classes of a library for what its interface raises, by their qualified names.
    """
    cls = _ERRORS.get(failure.kind, errors.SessionError)
    message = failure.message
    if failure.kind in _NAMED and failure.exception:
        message = f"{failure.exception}: {message}" if message else failure.exception
    if issubclass(cls, errors.RemoteError):
        cls = _own_class(failure, own or {}) or cls.of(failure.exception)
    error = cls(
        message,
        hint=failure.hint,
        remote_traceback="" if failure.kind in _WITHOUT_TRACEBACK else failure.traceback,
        log=failure.log,
        exit_code=failure.exit_code if failure.HasField("exit_code") else None,
        started=failure.effect != Failure.NOT_STARTED,
        state=_STATES.get(failure.state, "kept"),
    )
    if isinstance(error, errors.RemoteError):
        error.exception = failure.exception
        _set_attributes(error, failure.attributes)
    if isinstance(error, errors.InterfacePendingError):
        error.module = failure.module
    if isinstance(error, errors.SchemaChangedError):
        error.outline = dict(failure.outline)
    return error


def _own_class(failure: Failure, own: RemoteClasses) -> type[errors.RemoteError] | None:
    if failure.kind != Failure.RAISED:
        return None
    return next((own[name] for name in (failure.exception, *failure.bases) if name in own), None)


def _set_attributes(error: errors.RemoteError, content: bytes) -> None:
    for name, value in unpack_attributes(content).items():
        is_taken = name in vars(error) or hasattr(errors.RemoteError, name)
        # What its class computes cannot be set.
        computed = inspect.isdatadescriptor(inspect.getattr_static(type(error), name, None))
        if not is_taken and not computed:
            vars(error)[name] = value
