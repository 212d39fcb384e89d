"""Failures on their way through the front."""

from __future__ import annotations

from seer_runtime.wire.pb.runtime_pb2 import Failure


class FailureError(Exception):
    """Carries a failure to whoever answers the caller."""

    def __init__(self, failure: Failure) -> None:
        """Take the failure."""
        super().__init__(failure.message)
        self.failure = failure
