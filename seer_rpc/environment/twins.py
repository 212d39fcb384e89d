"""Methods that block, as coroutines with the same arguments and documentation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from seer_rpc.environment.threads import in_thread, on_loop

P = ParamSpec("P")
T = TypeVar("T")

_CALLBACKS = {"on_output", "on_text"}


def twin(
    method: Callable[Concatenate[Any, P], T],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Give what awaits the method of that name of `self.sync`, on a thread.

    What is given as `on_output` or `on_text` runs in the loop.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    async def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # By its name: it may be that of a subclass.
        blocking: Callable[..., T] = getattr(self.sync, method.__name__)
        bound = signature.bind(self, *args, **kwargs)
        for name in _CALLBACKS & bound.arguments.keys():
            bound.arguments[name] = on_loop(bound.arguments[name])
        return await in_thread(blocking, *bound.args[1:], **bound.kwargs)

    return call
