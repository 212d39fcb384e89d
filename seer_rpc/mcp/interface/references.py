"""The values that results left in the sandbox, for as long as somebody may come for them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from seer_rpc.client import Ref, Session
from seer_runtime.wire.errors import UncrossableError

MOST = 100
"""Values that are kept, those of the newest results."""


class References:
    """Handles by their numbers: to drop one would free its value."""

    def __init__(self) -> None:
        """Begin with none."""
        self._held: OrderedDict[int, Ref] = OrderedDict()
        # Results are built on several threads.
        self._lock = threading.Lock()

    def hold(self, reference: Ref) -> int:
        """Keep one; give how many others had to make room."""
        with self._lock:
            self._held[reference.handle.number] = reference
            freed = max(len(self._held) - MOST, 0)
            for _ in range(freed):
                self._held.popitem(last=False)
            return freed

    def of(self, session: Session | None) -> dict[int, Ref]:
        """Give those that this session may use, the oldest first."""
        with self._lock:
            held = dict(self._held)
        return {
            number: reference
            for number, reference in held.items()
            if session is not None and _is_usable(reference, session)
        }

    def free(self, number: int) -> None:
        """Let go of a value."""
        with self._lock:
            reference = self._held.pop(number, None)
        if reference is not None:
            reference.free()

    def forget(self) -> None:
        """Let go of all: the worker that had the values is gone."""
        with self._lock:
            self._held.clear()


def _is_usable(reference: Ref, session: Session) -> bool:
    try:
        reference.parts(session)
    except UncrossableError:
        return False
    return True
