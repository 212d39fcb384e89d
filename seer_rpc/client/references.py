"""References: handles of values that stay in the worker."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Never

from seer_runtime.wire.errors import UncrossableError
from seer_runtime.wire.handles import FETCH, NORM, Handle

if TYPE_CHECKING:
    from seer_rpc.client.session import Session


class Ref:
    """A handle of a value that stays in the worker.

    Given as an argument, it is the value itself to the function. The value is freed when the
    handle is, or `free` is called, or the session ends.

    Attributes:
        type_name: the name of the value's class.
        handle: what crosses the wire for it.
    """

    def __init__(self, session: Session, handle: Handle) -> None:
        """Made by a session from what a function returned."""
        self.type_name: str = handle.type_name
        self.handle = handle
        self._session = session
        self._finalizer = weakref.finalize(self, session.free, handle.number)
        self._finalizer.atexit = False

    def fetch(self) -> Any:
        """Transfer the value, and give it. Raises what `Session.call` raises."""
        return self._session.call(FETCH, [self], {})

    async def fetch_async(self) -> Any:
        """Transfer the value, and give it. Raises what `Session.call` raises."""
        return await self._session.call_async(FETCH, [self], {})

    def free(self) -> None:
        """Let go of the value now; the handle is of no more use."""
        self._finalizer()

    def parts(self, session: Session) -> Sequence[Any]:
        """Give what crosses the wire.

        Raises:
            UncrossableError: it is another session's, or was freed.
        """
        if session is not self._session:
            raise UncrossableError("it belongs to another session; fetch() it and send the value")
        if not self._finalizer.alive:
            raise UncrossableError("it was freed")
        return [self.handle.number]

    def __repr__(self) -> str:
        """Show what is known without a transfer."""
        return f"Ref({self.type_name})"

    def __reduce__(self) -> Never:
        """Say that it lives with its session."""
        raise TypeError("references cannot be copied or pickled; fetch() the value")


class TensorRef(Ref):
    """A handle of a tensor or an array that stays in the worker.

    Attributes:
        shape: its lengths.
        dtype: the name of its dtype, "float32" for one.
        device: where it is, "cuda:0" for one.
        nbytes: the bytes of its elements.
    """

    def __init__(self, session: Session, handle: Handle) -> None:
        """Made by a session from what a function returned."""
        super().__init__(session, handle)
        self.shape: tuple[int, ...] = tuple(handle.shape or ())
        self.dtype: str = handle.dtype
        self.device: str = handle.device
        self.nbytes: int = handle.nbytes

    def norm(self) -> float:
        """Give the Euclidean norm of all elements. Raises what `Session.call` raises."""
        return float(self._session.call(NORM, [self], {}))

    def __repr__(self) -> str:
        """Show what is known without a transfer."""
        place = f"{self.dtype}, {self.device}, {self.nbytes} bytes"
        return f"TensorRef({self.type_name}, {list(self.shape)}, {place})"


def make_reference(session: Session, parts: Sequence[Any]) -> Ref:
    """Make the handle that a result speaks of.

    Raises:
        ValueError: it is none.
    """
    match parts:
        case [int(number), str(name), None, *_]:
            return Ref(session, Handle(number, name))
        case [int(number), str(name), list(shape), str(dtype), str(device), int(nbytes)]:
            return TensorRef(session, Handle(number, name, shape, dtype, device, nbytes))
    raise ValueError("no reference")
