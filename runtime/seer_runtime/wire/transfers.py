"""Large frames over a link that carries messages: in chunks, between which small frames go."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from seer_runtime.wire.blocks import MOST, SMALLEST, copy
from seer_runtime.wire.frames import (
    CHUNKS,
    CallKey,
    Elsewhere,
    Frame,
    FrameError,
    Kind,
    Segment,
    encode_frame,
)

CHUNK = 1 << 20
"""Bytes of memory in one message: less costs more messages, more gains nothing."""

_SMALL = 64 << 10
"""Bytes of segments that a frame takes along."""


class Outgoing:
    """Frames in the order in which they are to be sent.

    Small ones overtake the chunks of large ones; the frames of one call stay in their order.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._small: deque[bytes] = deque()
        self._transfers: dict[CallKey, deque[Iterator[bytes]]] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anything to send."""
        return bool(self._small or self._transfers)

    def put(self, frame: Frame) -> None:
        """Take a frame; its memory must stay as it is until it is sent."""
        head, later = _part(frame)
        key = frame.key
        if later or key in self._transfers:
            self._transfers.setdefault(key, deque()).append(_messages(head, later))
        else:
            self._small.append(encode_frame(head))

    def drop(self, key: CallKey) -> None:
        """Send no more of the large frames of a call."""
        self._transfers.pop(key, None)

    def clear(self) -> None:
        """Send nothing of what there is."""
        self._small.clear()
        self._transfers.clear()

    def pop_small(self) -> bytes | None:
        """Give the next message of a small frame, or None where there is none."""
        return self._small.popleft() if self._small else None

    def pop(self) -> bytes | None:
        """Give the next message, or None where there is nothing to send."""
        if (small := self.pop_small()) is not None:
            return small
        while self._transfers:
            key = next(iter(self._transfers))
            queue = self._transfers.pop(key)
            message = next(queue[0], None)
            if message is None:
                queue.popleft()
            if queue:
                # The next one is another's turn.
                self._transfers[key] = queue
            if message is not None:
                return message
        return None


def _part(frame: Frame) -> tuple[Frame, list[memoryview]]:
    """Give the frame as it is sent at first, and the memory that follows."""
    here = 0
    later: list[memoryview] = []
    segments: list[Segment] = []
    for segment in frame.segments:
        if isinstance(segment, Elsewhere):
            raise FrameError("a segment whose memory is not here")
        view = memoryview(segment).cast("B")
        if here + view.nbytes <= _SMALL:
            here += view.nbytes
            segments.append(view)
        else:
            later.append(view)
            segments.append(Elsewhere(view.nbytes, CHUNKS))
    return (frame._replace(segments=segments) if later else frame), later


def _messages(head: Frame, later: list[memoryview]) -> Iterator[bytes]:
    yield encode_frame(head)
    for view in later:
        for start in range(0, view.nbytes, CHUNK):
            chunk = Frame(Kind.CHUNK, head.session, head.seq, body=view[start : start + CHUNK])
            yield encode_frame(chunk)


@dataclass
class Place:
    """Where the memory of a segment goes that comes in chunks."""

    memory: memoryview
    segment: Segment
    """What stands for it in the frame."""


Allocate: TypeAlias = Callable[[Frame, int], Place]


@dataclass
class _Arriving:
    frame: Frame
    places: deque[Place] = field(default_factory=deque)
    filled: int = 0


class Incoming:
    """Frames as they arrive: large ones are put together again."""

    def __init__(self, allocate: Allocate) -> None:
        """Get memory for what comes in chunks with `allocate`: of a frame, so many bytes.

        Where that raises OSError, it is memory of this process alone.
        What is small, or beyond as many as one frame may have blocks, is not worth it.
        """
        self._allocate = allocate
        self._arriving: dict[CallKey, _Arriving] = {}

    def take(self, frame: Frame) -> Frame | None:
        """Take what arrived; gives the frame that it is, or that it completes.

        Raises:
            FrameError: it breaks the protocol.
        """
        key = frame.key
        if frame.kind is Kind.CHUNK:
            return self._fill(key, frame)
        if any(_is_later(segment) for segment in frame.segments):
            self._begin(key, frame)
            return None
        return frame

    def drop(self, key: CallKey) -> Frame | None:
        """Give what is there of a frame of a call, the rest of which nobody waits for."""
        arriving = self._arriving.pop(key, None)
        return arriving.frame if arriving is not None else None

    def abandoned(self) -> Iterator[Frame]:
        """Give the frames that are not complete, and never will be."""
        for arriving in self._arriving.values():
            yield arriving.frame
        self._arriving.clear()

    def _begin(self, key: CallKey, frame: Frame) -> None:
        segments: list[Segment] = []
        arriving = _Arriving(frame)
        for segment in frame.segments:
            if _is_later(segment):
                assert isinstance(segment, Elsewhere)
                is_large = segment.size >= SMALLEST and len(arriving.places) < MOST
                place = self._place(frame, segment.size, is_large)
                arriving.places.append(place)
                segments.append(place.segment)
            else:
                segments.append(segment)
        arriving.frame = frame._replace(segments=segments)
        # A call that is sent again begins again.
        self._arriving[key] = arriving

    def _place(self, frame: Frame, size: int, is_large: bool) -> Place:
        if is_large:
            with contextlib.suppress(OSError, OverflowError):
                return self._allocate(frame, size)
        try:
            memory = memoryview(bytearray(size))
        except (MemoryError, OverflowError) as error:
            raise FrameError(f"no memory for {size} bytes") from error
        return Place(memory, memory)

    def _fill(self, key: CallKey, chunk: Frame) -> Frame | None:
        arriving = self._arriving.get(key)
        if arriving is None:
            raise FrameError("a chunk of nothing that was announced")
        target, size = arriving.places[0].memory, len(chunk.body)
        if not 0 < size <= target.nbytes - arriving.filled:
            raise FrameError("a chunk that does not fit what was announced")
        copy(target[arriving.filled : arriving.filled + size], chunk.body)
        arriving.filled += size
        if arriving.filled < target.nbytes:
            return None
        arriving.places.popleft()
        arriving.filled = 0
        if arriving.places:
            return None
        del self._arriving[key]
        return arriving.frame


def _is_later(segment: Segment) -> bool:
    if not isinstance(segment, Elsewhere):
        return False
    if segment.place != CHUNKS or segment.size == 0:
        raise FrameError("a segment that is in no frame and comes in no chunk")
    return True
