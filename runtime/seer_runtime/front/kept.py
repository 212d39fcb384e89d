"""Streams that nobody takes as they come: their items are kept for whoever collects them later."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from seer_runtime.wire.frames import Frame, FrameError, Kind, segment_size
from seer_runtime.wire.items import count_items
from seer_runtime.wire.pb.runtime_pb2 import Failure

MOST = 1 << 30
"""Bytes of one stream that are kept; then it is ended."""

_FRAME = 1024
"""Bytes that a frame is taken to need beside what it carries."""

_ITEM = 128
"""Bytes that an item is taken to need where it is collected, beside what it carries."""


class KeptStreams:
    """Those of one session, by the numbers of their calls."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sizes: dict[int, int] = {}

    def __contains__(self, seq: int) -> bool:
        """Tell whether the stream that answers a call is one."""
        return seq in self._sizes

    def __len__(self) -> int:
        """Give their number."""
        return len(self._sizes)

    def add(self, seq: int) -> None:
        """Keep the stream that answers a call, if it is answered with one."""
        self._sizes[seq] = 0

    def forget(self, acked: int) -> None:
        """Think no more of calls up to `acked`."""
        for seq in [seq for seq in self._sizes if seq <= acked]:
            del self._sizes[seq]

    def take(self, frame: Frame) -> Frame:
        """Take items; gives what tells the worker so.

        Raises:
            FrameError: they are none.
        """
        count = count_items(frame.body)
        beside = _FRAME + count * _ITEM + len(frame.body)
        self._sizes[frame.seq] += sum(map(segment_size, frame.segments), beside)
        return Frame(Kind.MORE, frame.session, frame.seq, frame.ack + count, frame.epoch)

    def is_full(self, seq: int) -> bool:
        """Tell whether a stream is to be ended."""
        return self._sizes[seq] > MOST


def explained(frame: Frame) -> Frame:
    """Give the last frame of a stream that was ended because it was too long: it says so.

    Raises:
        FrameError: its body is damaged.
    """
    try:
        failure = Failure.FromString(bytes(frame.body))
    except DecodeError as error:
        raise FrameError("an ERROR frame with a damaged body") from error
    if failure.kind != Failure.CANCELLED:
        return frame
    failure.message = f"the stream was ended: more than {MOST >> 20} MiB of it waited"
    failure.hint = "take its items as they come, in a call that is waited for"
    return frame._replace(body=failure.SerializeToString())
