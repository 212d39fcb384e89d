"""The arena: shared memory in which an interface's results may be born."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.blocks import MOST, SMALLEST, Block, BlockPool
from seer_runtime.wire.frames import Buffer, Elsewhere, Segment


class Arena:
    """Hands out memory to functions; what they return of it is not copied."""

    def __init__(self, pool: BlockPool) -> None:
        """Take blocks from `pool`."""
        self._pool = pool
        self._lent: dict[int, Block] = {}
        """The blocks that functions look at, by their addresses."""
        self._leaving: set[int] = set()
        """The numbers of those that are part of an answer; they come back from its client."""

    def empty(self, shape: int | Sequence[int], dtype: Any = None) -> Any:
        """Give an array with undefined content, for a result to be written into.

        Returned by the function that made it, its memory goes to a caller on this host without
        a copy, unless something still refers to it; anywhere else it is an array like any other.

        Args:
            shape: Its lengths, or its length.
            dtype: A torch dtype for a tensor, or anything that numpy takes for an array; torch's
                default dtype, where torch is loaded, else float32.
        """
        lengths = [shape] if isinstance(shape, int) else list(shape)
        torch = sys.modules.get("torch")
        if torch is not None and (dtype is None or is_instance(dtype, "torch", "dtype")):
            kind = dtype or torch.get_default_dtype()
            memory = self._lend(math.prod(lengths) * kind.itemsize)
            if memory is None:
                return torch.empty(lengths, dtype=kind)
            return torch.frombuffer(memory, dtype=kind).reshape(lengths)
        numpy = importlib.import_module("numpy")
        kind = numpy.dtype("float32" if dtype is None else dtype)
        memory = self._lend(math.prod(lengths) * kind.itemsize) if not kind.hasobject else None
        if memory is None:
            return numpy.empty(lengths, kind)
        return numpy.frombuffer(memory, kind).reshape(lengths)

    def place(self, segments: Sequence[Segment]) -> list[Segment]:
        """Give segments that no longer depend on what the user's code does with its values.

        What is in the arena stays where it is, other large memory is copied there, small memory
        to bytes.
        """
        placed: list[Segment] = []
        taken: set[int] = set()
        for index, segment in enumerate(segments):
            block = self._find(segment) if index < MOST else None
            if block is not None and block.number not in taken:
                taken.add(block.number)
                self._leaving.add(block.number)
                placed.append(Elsewhere(memoryview(segment).nbytes, block.number))  # type: ignore[arg-type]
            elif isinstance(segment, Elsewhere):
                placed.append(segment)
            else:
                copied = self._pool.copy_in(segment) if index < MOST else None
                placed.append(bytes(segment) if copied is None else copied)
        return placed

    def settle(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        """Copy what the user's code still looks at: it may write there later."""
        if not segments or not self._lent:
            return segments
        looked_at = {block.number: block for block in self._lent.values()}
        return [self._settled(each, looked_at) for each in segments]

    def _settled(self, segment: Segment, looked_at: dict[int, Block]) -> Segment:
        block = looked_at.get(segment.place) if isinstance(segment, Elsewhere) else None
        if block is None or not isinstance(segment, Elsewhere):
            return segment
        self._leaving.discard(block.number)
        memory = memoryview(block.memory)[: segment.size]
        copied = self._pool.copy_in(memory)
        return bytes(memory) if copied is None else copied

    def _find(self, segment: Segment) -> Block | None:
        """Give the block whose beginning a segment is."""
        if not self._lent or isinstance(segment, Elsewhere):
            return None
        return self._lent.get(_address(segment)) if len(segment) >= SMALLEST else None

    def _lend(self, size: int) -> memoryview | None:
        if size < SMALLEST:
            return None
        try:
            block = self._pool.take(size)
        except OSError:
            return None
        self._leaving.discard(block.number)
        self._lent[block.address] = block
        return block.lend(size, partial(self._take_back, block))

    def _take_back(self, block: Block) -> None:
        self._lent.pop(block.address, None)
        if block.number not in self._leaving:
            self._pool.give_back([block.number])


def _address(memory: Buffer) -> int:
    numpy: Any = sys.modules["numpy"]
    return int(numpy.frombuffer(memory, numpy.uint8).ctypes.data)
