"""Frames that say what went wrong, as errors."""

from __future__ import annotations

from collections.abc import Mapping

from seer_rpc.errors import RemoteError, SeerError, SessionError
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.frames import Frame


def frame_error(
    frame: Frame, exceptions: Mapping[str, type[RemoteError]] | None = None
) -> SeerError:
    """Give the error that an ERROR frame says.

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
    return error
