"""The event loop that async functions share. It runs only while something waits for it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any

from seer_runtime.worker.running import CallCancelledError, Running

_NO_MORE = object()


class SharedLoop:
    """One loop for one thread, made when it is first needed."""

    def __init__(self) -> None:
        """Make nothing yet."""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it has tasks that would go on if it ran."""
        return self._loop is not None and bool(asyncio.all_tasks(self._loop))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done whenever the loop runs."""
        self._own().create_task(work)

    def run(self, work: Coroutine[Any, Any, Any], running: Running | None) -> Any:
        """Run the loop until a call's work is done; gives what it gives.

        Without `running` it is the work of several calls, which no single one can cancel.
        """
        loop = self._own()
        task = loop.create_task(work)
        if running is not None:
            running.watch(loop, task)
        return _finish(loop, task)

    def turn(self) -> None:
        """Let each task that can go on do so once."""
        loop = self._own()
        loop.call_soon(loop.stop)
        loop.run_forever()

    def run_until_readable(self, descriptor: int) -> None:
        """Run the loop until there is something to read."""
        loop = self._own()
        _finish(loop, loop.create_task(_readable(descriptor)))

    def each(self, items: AsyncIterator[Any], running: Running) -> Generator[Any, None, None]:
        """Give the items of an async iterator one by one; close it, where it can be closed."""
        loop = self._own()
        try:
            while True:
                item = self.run(_next(items), running)
                if item is _NO_MORE:
                    return
                yield item
        finally:
            _finish(loop, loop.create_task(_close(items)))

    def _own(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop


async def _next(items: AsyncIterator[Any]) -> Any:
    return await anext(items, _NO_MORE)


async def _close(items: Any) -> None:
    if hasattr(items, "aclose"):
        await items.aclose()


def _finish(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> Any:
    """Run the loop until `task` is done; other tasks that raise SystemExit do not end it."""
    while not task.done():
        try:
            # Not the task itself: its exception is raised once, below.
            loop.run_until_complete(asyncio.wait([task]))
        except CallCancelledError:
            task.cancel()
            raise
        except BaseException:  # noqa: BLE001 - a task of the user's may raise anything
            if not task.done():
                traceback.print_exc()
    return task.result()


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
