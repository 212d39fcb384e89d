"""What a worker knows of the sessions that call it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from seer_runtime.references import References
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.channels import Peer

if TYPE_CHECKING:
    from seer_runtime.worker.connections import Call, Direct, Home

_REMEMBERED = 1024
"""Sessions that are over and not forgotten yet."""


class Session:
    """A session: its calls that began, what it refers to, and the memory that its client shares."""

    def __init__(self, pool: BlockPool) -> None:
        """Begin with no call; lend from `pool`."""
        self.peer = Peer(pool)
        self.references = References()
        self.last = 0
        """The highest number of a call that began."""
        self.acked = 0
        """Every answer up to this number has arrived."""
        self._begun: dict[int, Home | Direct] = {}
        """Where each call came from that began and may not have been answered."""
        self._pool = pool
        self.client = 0
        """Tells the client that calls directly now from earlier ones."""
        self.is_over = False

    def admit(self, call: Call) -> bool:
        """Say that a call begins; False where it has begun before: then it must not."""
        seq, ack = call.frame.seq, call.frame.ack
        if ack > self.acked:
            self.acked = ack
            self._begun = {each: origin for each, origin in self._begun.items() if each > ack}
        if self.has_begun(seq):
            return False
        self._begun[seq] = call.connection
        self.last = max(self.last, seq)
        return True

    def meet(self, client: int) -> None:
        """Share memory with this client from now on, who knows nothing of what another one saw."""
        if client != self.client:
            self.client = client
            # Once the memory is gone, they cannot be brought home.
            for origin in list(self._begun.values()):
                origin.recall()
            self.peer.memory.close(is_gone=False)
            self.peer = Peer(self._pool)

    def has_begun(self, seq: int) -> bool:
        """Tell whether a call has begun, or is long over."""
        return seq <= self.acked or seq in self._begun

    def recall(self, seq: int) -> bool:
        """Have a call's answer go home, at once or when there is one; False where it is gone."""
        if seq <= self.acked:
            return False
        # One that never began was answered by whoever saw to that.
        origin = self._begun.get(seq)
        return origin is None or origin.recall(seq)

    def end(self) -> None:
        """Let go of what it had; nothing more is kept for it."""
        self.is_over = True
        self.references.close()
        # Its client may keep results.
        self.peer.memory.close(is_gone=False)


class Sessions:
    """The sessions by their ids."""

    def __init__(self, pool: BlockPool) -> None:
        """Begin with none; lend from `pool`."""
        self.pool = pool
        self._sessions: dict[bytes, Session] = {}
        self._ended: deque[bytes] = deque()

    def of(self, session: bytes) -> Session:
        """Give a session, which may be over; it is new where it was not known."""
        found = self._sessions.get(session)
        return (
            found if found is not None else self._sessions.setdefault(session, Session(self.pool))
        )

    def open(self, session: bytes) -> Session:
        """Give a session that is not over: one of that name may have been before."""
        found = self.of(session)
        if found.is_over:
            found = self._sessions[session] = Session(self.pool)
        return found

    def has_begun(self, session: bytes, seq: int) -> bool:
        """Tell whether a call has begun, or is long over."""
        found = self._sessions.get(session)
        return found is not None and found.has_begun(seq)

    def forget(self, session: bytes) -> None:
        """Let go of what a session that is over had."""
        found = self._sessions.get(session)
        if found is None:
            return
        found.end()
        # Calls of it that are still to come must find it so.
        self._ended.append(session)
        if len(self._ended) > _REMEMBERED:
            oldest = self._ended.popleft()
            if oldest in self._sessions and self._sessions[oldest].is_over:
                del self._sessions[oldest]
