"""Frames about a call, for whoever made it."""

from __future__ import annotations

from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.pb.runtime_pb2 import Failure


def reply(call: Frame, kind: Kind) -> Frame:
    """Give an empty frame about a call."""
    return Frame(kind, call.session, call.seq, epoch=call.epoch, name=call.name)


def error_reply(call: Frame, failure: Failure, epoch: int | None = None) -> Frame:
    """Give the frame that tells a call its failure, in its own epoch or in another one."""
    body = failure.SerializeToString()
    return reply(call, Kind.ERROR)._replace(body=body, epoch=call.epoch if epoch is None else epoch)
