"""What a sandbox on Modal prints, and how it ends: followed on a thread, so that nobody waits."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import TextIO

import modal
from modal import exception

from seer_rpc.client.obituary import ENDED, Obituary, last_word, write_obituary
from seer_rpc.locations import sandboxes_folder
from seer_runtime.wire.exits import OLD
from seer_runtime.wire.journal import RUN

EXPIRED = 124
"""The exit status where Modal itself ended a sandbox for its time or for want of use."""

_CAUSES = {
    EXPIRED: f"{OLD}, or it had none to use it for a while, and Modal ended it",
    137: "Modal ended it: somebody else terminated it, or its memory was used up",
}
THREAD = "seer-modal-log"
_KEPT = 5_000
_TOLD = 20
"""Lines of the log that those hear who learn that it has ended."""

_LARGEST = 8 << 20
"""Characters of the log that others on this machine read, after which it begins anew."""

_QUIET = 0.3
"""Seconds without a line after which what was printed before has arrived."""

_LOOK = 0.02
_PATIENCE = 5.0
_AGAIN = 2.0


class Observation:
    """Follows one sandbox from when it is made until it has ended."""

    def __init__(self, sandbox: modal.Sandbox, sandbox_id: str) -> None:
        """Begin; what it printed before arrives, too.

        The first on this machine who does so lets others see that it runs, as they do where a front
        runs here, and writes where they look what it prints and how it ends.
        """
        self.obituary: Obituary | None = None
        """How it ended, once it has."""

        self._sandbox = sandbox
        self._folder = sandboxes_folder() / sandbox_id
        self._claim = Claim(self._folder / RUN)
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._rest = ""
        self._last_arrival = time.monotonic()
        self._leaving = asyncio.Event()
        self._ended = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()
        self._process = os.getpid()
        # Before Modal's client ends, which would complain of what is not awaited.
        atexit.register(self.leave)

    @property
    def exit_code(self) -> int | None:
        """The sandbox's exit status, or None while it runs as far as is known."""
        return self.obituary.exit_code if self.obituary is not None else None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tells whether it has come."""
        return self._ended.wait(seconds)

    def finish(self) -> None:
        """Wait until what is known of a sandbox that has ended is known here."""
        self._ended.wait(2 * _PATIENCE)
        self.leave()

    def leave(self) -> None:
        """Follow it no longer."""
        self.let_go()
        if os.getpid() == self._process:
            self._thread.join(_PATIENCE)

    def let_go(self) -> None:
        """Follow it no longer, soon; on whatever thread this is."""
        # The loop of one that has ended is closed, and a fork's is its parent's.
        if os.getpid() == self._process:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._leaving.set)

    def lines(self, count: int) -> list[str]:
        """Give the newest lines, once those have arrived that were printed up to now."""
        asked = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < asked + _PATIENCE:
            if time.monotonic() - max(asked, self._last_arrival) > _QUIET:
                break
            time.sleep(_LOOK)
        return self._newest(count)

    def _newest(self, count: int) -> list[str]:
        lines = [*self._lines, *([self._rest] if self._rest else [])]
        return lines[-count:] if count > 0 else []

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._observe())
        finally:
            self._claim.end()
            atexit.unregister(self.leave)

    async def _observe(self) -> None:
        following = asyncio.create_task(self._follow())
        ending = asyncio.create_task(self._end())
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait((ending, leaving), return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            await asyncio.wait([following], timeout=_PATIENCE)
            self._bury(ending.result())

    def _bury(self, code: int) -> None:
        log = self._newest(_TOLD)
        # What ends by itself may be ended by Modal on its way out.
        obituary = Obituary(code, log, last_word(log) or _CAUSES.get(code, ""))
        if self._claim.is_first:
            # A folder that is gone, or full, is no reason to know less here.
            with contextlib.suppress(OSError):
                write_obituary(self._folder / ENDED, obituary)
        self.obituary = obituary
        self._ended.set()

    async def _follow(self) -> None:
        # What breaks while the sandbox ends is its end; what was read until then is kept.
        with contextlib.suppress(exception.Error, OSError), contextlib.ExitStack() as opened:
            is_first = self._claim.is_first
            log = opened.enter_context((self._folder / "log").open("w")) if is_first else None
            async for text in self._sandbox.stderr:
                self._take(text, log)

    def _take(self, text: str, log: TextIO | None) -> None:
        if log is not None:
            _write(log, text)
        *lines, self._rest = (self._rest + text).split("\n")
        self._lines.extend(lines)
        self._last_arrival = time.monotonic()

    async def _end(self) -> int:
        """Wait for it; gives its exit status."""
        while (code := self._sandbox.returncode) is None:
            try:
                await self._sandbox.wait.aio(raise_on_termination=False)
            except (exception.Error, OSError):
                await self._ask_again()
        return code

    async def _ask_again(self) -> None:
        with contextlib.suppress(exception.Error, OSError):
            if await self._sandbox.poll.aio() is not None:
                return
        await asyncio.sleep(_AGAIN)


class Claim:
    """The lock of a folder, by which others see that its sandbox runs; the first one has it."""

    def __init__(self, folder: Path) -> None:
        """Take it where it is free."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.is_first = False
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_first = True

    def end(self) -> None:
        """Give it back."""
        os.close(self._folder)


def _write(file: TextIO, text: str) -> None:
    # A folder that is gone, or full, is no reason to know less here.
    with contextlib.suppress(OSError):
        if file.tell() > _LARGEST:
            file.seek(0)
            file.truncate()
        file.write(text)
        file.flush()
