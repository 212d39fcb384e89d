"""Blocking work beside an event loop, given up with the task that waits for it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from seer_rpc.client.cancellation import CURRENT, Cancellation
from seer_rpc.client.commands import OnOutput

P = ParamSpec("P")
T = TypeVar("T")

# Not the loop's own: it has few, and commands may run for hours.
_THREADS = ThreadPoolExecutor(max_workers=1024, thread_name_prefix="seer-async")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function on a thread. If this is cancelled, what the function waits for is ended."""
    cancellation = Cancellation()
    context = contextvars.copy_context()
    context.run(CURRENT.set, cancellation)
    call = partial(context.run, partial(function, *args, **kwargs))
    running = asyncio.get_running_loop().run_in_executor(_THREADS, call)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancellation.cancel()
        await asyncio.wait([running])
        # Nobody asks for it any more.
        running.cancelled() or running.exception()
        raise


def on_loop(on_output: OnOutput | None) -> OnOutput | None:
    """Have a callback run in this loop, and whoever calls it from a thread wait for that."""
    if on_output is None:
        return None
    loop = asyncio.get_running_loop()

    def hand_on(text: str) -> None:
        done: Future[None] = Future()
        loop.call_soon_threadsafe(_settle, done, partial(on_output, text))
        done.result()

    return hand_on


def _settle(done: Future[None], call: Callable[[], None]) -> None:
    try:
        call()
        done.set_result(None)
    except BaseException as error:  # noqa: BLE001 - whoever waits for the callback gets its error
        done.set_exception(error)
