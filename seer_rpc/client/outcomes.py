"""Frames that say what went wrong, as errors."""

from __future__ import annotations

from collections.abc import Mapping

from seer_rpc.client.calls import Call
from seer_rpc.errors import (
    CallCancelledError,
    DeadlineExceededError,
    RemoteError,
    SeerError,
    SessionError,
)
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.frames import Frame


def frame_error(
    frame: Frame,
    call: Call | None = None,
    exceptions: Mapping[str, type[RemoteError]] | None = None,
) -> SeerError:
    """Give the error that an ERROR frame says; `call` is the call that it answers.

    `exceptions` are the library's own classes by the qualified names of what the interface raises.
    """
    # Imported where something failed: protobuf is most of what a light client would load.
    from google.protobuf.message import DecodeError

    from seer_rpc.client.failures import to_error
    from seer_runtime.wire.pb.runtime_pb2 import Failure

    failed = call_id(frame.session, frame.seq)
    try:
        failure = Failure.FromString(bytes(frame.body))
    except DecodeError as damage:
        return SessionError(f"the sandbox sent a damaged failure: {damage}", call_id=failed)
    error = to_error(failure, exceptions)
    error.call_id = failed
    if call is not None and call.is_overdue and isinstance(error, CallCancelledError):
        # The worker was asked to end it, and does not know why.
        seconds = call.frame.timeout / 1000
        return DeadlineExceededError(
            f"no result within the {seconds:g} s that the caller gave",
            hint="give a longer timeout, or none",
            remote_traceback=error.remote_traceback,
            started=error.started,
            state=error.state,
            call_id=failed,
        )
    return error
