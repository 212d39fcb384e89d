"""Where large results land that arrive over a link."""

from __future__ import annotations

from functools import partial

from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import Frame
from seer_runtime.wire.transfers import Incoming, Place


class Memory:
    """Memory that is used again: fresh pages would cost more than to fill them."""

    def __init__(self, pool: BlockPool) -> None:
        """Take it from `pool`, and give it back when nothing looks at it any more."""
        self._pool = pool

    def incoming(self) -> Incoming:
        """Give what puts the frames of one connection together."""
        return Incoming(self._allocate)

    def _allocate(self, frame: Frame, size: int) -> Place:
        block = self._pool.take(size, fill=False)
        memory = block.lend(size, partial(self._pool.give_back, [block.number]))
        return Place(memory, memory)
