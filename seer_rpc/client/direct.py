"""Calls without the front: on the worker's own host, straight to the thread that runs them.

The front stays in charge of everything else: it is asked to end calls, and told what was taken of
a stream. Where a connection breaks, the call is handed to the relay, and the front says what
became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import socket
import threading
import time

from seer_rpc.client.calls import Call, Outcome
from seer_rpc.client.relay import Relay
from seer_rpc.client.releases import Releases
from seer_rpc.client.reports import ProgressReports
from seer_rpc.errors import SessionError
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.channels import Channel, Peer
from seer_runtime.wire.files import connect_plain
from seer_runtime.wire.frames import Frame, FrameError, Kind
from seer_runtime.wire.openings import Opening
from seer_runtime.wire.sharing import inline_size
from seer_runtime.wire.sockets import FrameSocket

_PATIENCE = 0.2
"""Seconds in which a worker lets its client in; without it, calls go through the front."""

_SPIN = 200e-6
"""Seconds to look for an answer before going to sleep: to wake up costs more than a short call."""

_GLANCE = 20e-6
"""Seconds to look for one where the last call took longer than that."""

MOST_AT_ONCE = 64
"""Connections of one session: calls that are on their way to the worker at once."""

_LOOK = 0.02

_AT_ONCE = 64 << 10
"""Bytes that a socket takes though nobody reads."""

_LOST = (EOFError, OSError, FrameError)
"""What using a connection may raise once it is of no more use."""


class DirectPath:
    """Connections to one worker; each carries one call at a time."""

    def __init__(
        self, opening: Opening, epoch: int, pool: BlockPool, relay: Relay, reports: ProgressReports
    ) -> None:
        """Use what the front said of the worker; large arguments lie in `pool`."""
        self.epoch = epoch
        self.relay = relay
        self.reports = reports
        self._opening = opening
        self._releases = Releases(self._release)
        # Another worker knows none of the blocks, and has others under the same numbers.
        self._peer = Peer(pool, self._releases.note)
        # A stream that is dropped is closed by whatever runs at that moment.
        self._lock = threading.RLock()
        self._idle: list[Channel] = []
        self._channels: set[Channel] = set()
        self._is_over = False
        self._spin = _SPIN
        self._client = secrets.randbits(63)
        self.last = 0
        """The highest number that a call of the session had at the worker, when we came."""

    def take(self) -> Channel | None:
        """Give a connection that nobody else uses; None where there is none to be had."""
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        if self._is_over or len(self._channels) >= MOST_AT_ONCE:
            return None
        return self._connect()

    def give_back(self, channel: Channel) -> None:
        """Take back a connection whose call has its outcome."""
        channel.is_used = False
        self._idle.append(channel)
        if self._is_over:
            self._close_unused()

    def discard(self, channel: Channel) -> None:
        """Close a connection that is of no more use."""
        with self._lock:
            self._channels.discard(channel)
        channel.socket.close()

    def close(self) -> None:
        """Close everything; whoever waits for a call hears of its fate from the relay."""
        with self._lock:
            self._is_over = True
            for channel in self._channels:
                channel.socket.abort()
            self._close_unused()
        self._releases.stop()
        self._peer.memory.close()

    def answer(self, call: Call, channel: Channel) -> Outcome:
        """Make a call and wait for its outcome; what interrupts that cancels it."""
        try:
            channel.is_used = True
            self._send(call, channel, self._peer.pool.place(call.frame))
            while (frame := self._next(call, channel)) is not None:
                if frame.kind is not Kind.PROGRESS:
                    return self._outcome(call, frame, channel)
                self.reports.report(frame)
        except TimeoutError:
            return self._expire(call, channel)
        except _LOST:
            self.discard(channel)
            return self.relay.wait(self.resubmit(call))
        except BaseException:
            self.abandon(call, channel)
            raise
        return self._expire(call, channel)

    async def answer_async(self, call: Call, channel: Channel) -> Outcome:
        """Make a call and await its outcome; to be cancelled cancels it."""
        try:
            channel.is_used = True
            frame = self._peer.pool.place(call.frame)
            if inline_size(frame) > _AT_ONCE:
                # A worker that is busy does not read it yet.
                await asyncio.to_thread(self._send, call, channel, frame)
            else:
                self._send(call, channel, frame)
            async with asyncio.timeout(call.time_left):
                while (frame := await next_frame(channel)).kind is Kind.PROGRESS:
                    self.reports.report(frame)
            return self._outcome(call, frame, channel)
        except TimeoutError:
            return await asyncio.to_thread(self._expire, call, channel)
        except _LOST:
            self.discard(channel)
            return await self.relay.wait_async(self.resubmit(call))
        except BaseException:
            self.abandon(call, channel)
            raise

    def abandon(self, call: Call, channel: Channel) -> None:
        """Give up on a call; the front ends it."""
        self.discard(channel)
        self.relay.steer(Kind.CANCEL, call.seq, epoch=self.epoch)
        self.finish(call)

    def resubmit(self, call: Call) -> Call:
        """Have the front say what became of a call. Raises what `Relay.resubmit` raises."""
        # One that may run twice is made anew by who counts how often it was, not by the front.
        pinned = call.frame._replace(epoch=self.epoch)
        return self.relay.resubmit(dataclasses.replace(call, frame=pinned))

    def finish(self, call: Call) -> None:
        """Say that a call has its outcome, or that nobody wants it."""
        self.relay.numbers.answer(call.seq)
        self.reports.end(call.seq)

    def _send(self, call: Call, channel: Channel, frame: Frame) -> None:
        """Send a call. Raises TimeoutError where its deadline passes first."""
        channel.send(frame, lambda: call.time_left != 0)

    def _next(self, call: Call, channel: Channel) -> Frame | None:
        """Wait for a frame; None where the deadline passes first."""
        began = time.perf_counter()
        # Others that wait on this processor would be kept from it by spinning.
        if len(self._channels) - len(self._idle) == 1:
            channel.socket.spin(self._spin)
        frame = channel.receive() if call.deadline is None else _receive_in_time(call, channel)
        self._spin = _SPIN if time.perf_counter() - began < _SPIN else _GLANCE
        return frame

    def _outcome(self, call: Call, frame: Frame, channel: Channel) -> Outcome:
        check_answer(call, frame)
        if frame.kind in (Kind.ITEMS, Kind.END):
            return DirectStream(self, call, frame, channel)
        self.finish(call)
        self.give_back(channel)
        return frame

    def _expire(self, call: Call, channel: Channel) -> Outcome:
        """End a call at its deadline; it is answered here, or over the link."""
        self.relay.expect(call)
        self.relay.steer(Kind.CANCEL, call.seq, timeout=call.frame.timeout, epoch=self.epoch)
        try:
            while not call.future.done():
                channel.socket.wait(_LOOK)
                frame = channel.read()
                if frame is not None and frame.kind is not Kind.PROGRESS:
                    self.relay.expect_no_more(call)
                    return self._outcome(call, frame, channel)
        except _LOST:
            self.discard(channel)
            # The answer may have gone home before we looked there.
            return self.relay.wait(self.relay.resubmit(call))
        self.discard(channel)
        return self.relay.wait(call)

    def _release(self) -> None:
        if body := self._peer.releases():
            self.relay.say(Kind.RELEASE, body, self.epoch)

    def _close_unused(self) -> None:
        """Close what is idle, or what an interrupt took from whoever was about to use it."""
        self._idle.clear()
        with self._lock:
            for channel in [each for each in self._channels if not each.is_used]:
                self.discard(channel)

    def _connect(self) -> Channel | None:
        # Descriptors may be used up.
        with contextlib.suppress(*_LOST), contextlib.ExitStack() as unless_welcome:
            connected = unless_welcome.enter_context(socket.socket(socket.AF_UNIX))
            connected.settimeout(_PATIENCE)
            connect_plain(connected, self._opening.socket)
            channel = Channel(FrameSocket(connected), self._peer)
            channel.send(Frame(Kind.HELLO, self.relay.id, self._client, body=self._opening.proof))
            welcome = channel.read() if channel.socket.wait(_PATIENCE) else None
            if welcome is None or welcome.kind is not Kind.WELCOME:
                return None
            self.last = max(self.last, welcome.seq)
            with self._lock:
                if self._is_over:
                    return None
                # From now on `close` closes it, whatever interrupts us.
                self._channels.add(channel)
                self._releases.start()
            unless_welcome.pop_all()
            return channel
        return None


class DirectStream:
    """The frames of a stream that comes from the worker itself, on a connection of its own."""

    def __init__(self, path: DirectPath, call: Call, first: Frame, channel: Channel) -> None:
        """Begin with the first frame, which has arrived."""
        self._path = path
        self._call = call
        self._first: Frame | None = first
        self._channel: Channel | None = channel
        self._timer: threading.Timer | None = None
        if call.time_left is not None:
            self._timer = threading.Timer(call.time_left, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def next(self) -> Frame:
        """Wait for the next frame. Raises SeerError where there will be none."""
        try:
            frame = self._pop_first()
            while frame is None:
                frame = self._without_progress(self._connection().receive())
        except _LOST:
            return self._fate(self._path.relay.wait(self._resubmit()))
        return self._take(frame)

    async def next_async(self) -> Frame:
        """Await the next frame. Raises SeerError where there will be none."""
        try:
            frame = self._pop_first()
            while frame is None:
                frame = self._without_progress(await next_frame(self._connection()))
        except _LOST:
            return self._fate(await self._path.relay.wait_async(self._resubmit()))
        return self._take(frame)

    def has_arrived(self) -> bool:
        """Tell whether `next` would not have to wait."""
        return self._first is not None

    def tell(self, taken: int) -> None:
        """Say how many items were taken since the beginning."""
        call = self._call
        self._path.relay.steer(Kind.MORE, call.seq, taken, epoch=call.frame.epoch)

    def cancel(self) -> None:
        """Say that nobody takes the rest."""
        channel, self._channel = self._channel, None
        self._stop_timer()
        if channel is not None:
            self._path.abandon(self._call, channel)

    def _connection(self) -> Channel:
        if self._channel is None:
            raise EOFError("the stream was closed")
        return self._channel

    def _pop_first(self) -> Frame | None:
        first, self._first = self._first, None
        return first

    def _without_progress(self, frame: Frame) -> Frame | None:
        if frame.kind is not Kind.PROGRESS:
            check_answer(self._call, frame)
            return frame
        self._path.reports.report(frame)
        return None

    def _take(self, frame: Frame) -> Frame:
        if frame.kind is not Kind.ITEMS:
            self._stop_timer()
            channel, self._channel = self._channel, None
            self._path.finish(self._call)
            if channel is not None:
                self._path.give_back(channel)
        return frame

    def _resubmit(self) -> Call:
        """Ask the front what became of the call."""
        channel, self._channel = self._channel, None
        self._stop_timer()
        if channel is not None:
            self._path.discard(channel)
        return self._path.resubmit(self._call)

    def _fate(self, outcome: Outcome) -> Frame:
        if isinstance(outcome, Frame):
            return outcome
        # The front cannot have the items that were on their way here.
        outcome.cancel()
        raise SessionError(
            "the connection to the worker broke during a stream",
            started=True,
            call_id=call_id(self._path.relay.id, self._call.seq),
        )

    def _expire(self) -> None:
        call = self._call
        timeout, epoch = call.frame.timeout, call.frame.epoch
        self._path.relay.steer(Kind.CANCEL, call.seq, timeout=timeout, epoch=epoch)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _receive_in_time(call: Call, channel: Channel) -> Frame | None:
    """Wait for a frame until the call's deadline."""
    while (frame := channel.read()) is None and call.time_left:
        channel.socket.wait(call.time_left)
    return frame


def check_answer(call: Call, frame: Frame) -> None:
    """See to it that a frame answers the call that is on its way.

    Raises:
        FrameError: it does not.
    """
    is_answer = frame.kind in (Kind.RESULT, Kind.ERROR, Kind.ITEMS, Kind.END)
    if not is_answer or frame.seq != call.seq or frame.session != call.frame.session:
        raise FrameError(f"a {frame.kind.name} frame that answers another call")


async def next_frame(channel: Channel) -> Frame:
    """Wait for a frame beside other tasks. Raises what `Channel.read` raises."""
    while (frame := channel.read()) is None:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()
        descriptor = channel.socket.fileno()
        loop.add_reader(descriptor, _settle, arrived)
        try:
            await arrived
        finally:
            loop.remove_reader(descriptor)
    return frame


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
