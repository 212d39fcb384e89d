"""Failures on their way through the front."""

from __future__ import annotations

from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.pb.runtime_pb2 import Failure


class FailureError(Exception):
    """Carries a failure to whoever answers the caller."""

    def __init__(self, failure: Failure) -> None:
        """Take the failure."""
        super().__init__(failure.message)
        self.failure = failure


def error_frame(frame: Frame, epoch: int, failure: Failure) -> Frame:
    """Give the frame that answers a frame with a failure."""
    body = failure.SerializeToString()
    return Frame(Kind.ERROR, frame.session, frame.seq, epoch=epoch, body=body)
