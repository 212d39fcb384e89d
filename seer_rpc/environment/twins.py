"""Methods that block, as coroutines with the same arguments and documentation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from seer_rpc.environment.threads import in_thread, on_loop

P = ParamSpec("P")
T = TypeVar("T")


def twin(
    method: Callable[Concatenate[Any, P], T],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Give what awaits the method of that name of `self.sync`, on a thread.

    What is given as `on_output` runs in the loop.
    """

    @functools.wraps(method)
    async def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # By its name: it may be that of a subclass.
        blocking: Callable[..., T] = getattr(self.sync, method.__name__)
        given: dict[str, Any] = dict(kwargs)
        if "on_output" in given:
            given["on_output"] = on_loop(given["on_output"])
        return await in_thread(blocking, *args, **given)

    return call
