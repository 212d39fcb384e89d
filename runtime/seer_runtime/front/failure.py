"""Failures on their way through the front."""

from __future__ import annotations

from seer_runtime.wire.frames import Frame, Header, Kind, encode_frame
from seer_runtime.wire.pb.runtime_pb2 import Failure


class FailureError(Exception):
    """Carries a failure to whoever answers the caller."""

    def __init__(self, failure: Failure) -> None:
        """Take the failure."""
        super().__init__(failure.message)
        self.failure = failure


def error_frame(header: Header, epoch: int, failure: Failure) -> bytes:
    """Give the frame that answers a frame with a failure."""
    return encode_frame(
        Frame(Kind.ERROR, header.session, header.seq, epoch=epoch, body=failure.SerializeToString())
    )
