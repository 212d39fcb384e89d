"""What tests of pools share: an interface, what its functions noted, and ends of sandboxes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import SandboxLostError
from tests.modal_emulator.emulator import ModalEmulator
from tests.sandboxes.traces import Traces

SOURCE = """
    import asyncio
    import os
    import time
    from collections.abc import Iterator
    from dataclasses import dataclass


    @dataclass
    class Point:
        x: int
        y: int = 0


    def note(file: str, word: str, number: int) -> None:
        with open(file, "a") as notes:
            notes.write(f"{word} {number}\\n")


    @expose
    def square(number: int) -> int:
        if number == 13:
            raise ValueError("thirteen")
        return number * number


    @expose
    def move(point: Point, by: int = 1) -> Point:
        return Point(point.x + by, point.y)


    @expose
    def count(most: int) -> Iterator[int]:
        yield from range(most)


    @expose(concurrent=True)
    async def wait(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds


    @expose(concurrent=True)
    async def nap(file: str, number: int) -> int:
        note(file, "begun", number)
        try:
            await asyncio.sleep(60 * (number > 0))
        except BaseException:
            note(file, "ended", number)
            raise
        return number


    @expose
    def linger(file: str, number: int) -> int:
        note(file, "begun", number)
        time.sleep(60 * (number > 0))
        return number


    @expose
    def work(file: str, number: int) -> int:
        note(file, "begun", number)
        time.sleep(0.02)
        return number * number


    @expose(idempotent=True)
    def work_again(file: str, number: int) -> int:
        return work(file, number)


    @expose(read_only=True)
    def look(file: str, number: int) -> int:
        return work(file, number)


    @expose
    def die_of(number: int, deadly: int) -> int:
        if number == deadly:
            os._exit(3)
        return number


    @expose(idempotent=True)
    def die_always() -> None:
        os._exit(3)
"""


class Notes:
    """What functions wrote down, in whichever sandbox."""

    def __init__(self, file: str, copies: Callable[[], Iterable[Path]]) -> None:
        self.file = file
        """Where they write it."""

        self._copies = copies

    def numbers(self, word: str) -> Counter[int]:
        """Count the numbers that were noted with a word."""
        lines = [line for copy in self._copies() for line in _lines(copy)]
        return Counter(int(number) for what, number in map(str.split, lines) if what == word)


def notes_here(folder: Path) -> Notes:
    """Have notes in a file of this machine, for sandboxes that see it."""
    file = folder / "notes"
    return Notes(str(file), lambda: [file])


def notes_on_modal(emulator: ModalEmulator) -> Notes:
    """Have notes in a file of each sandbox; they are there after its end."""
    return Notes(
        "/tmp/notes", lambda: [each.root / "tmp/notes" for each in emulator.sandboxes.values()]
    )


def kill_front(sandbox: ScopedSandbox) -> None:
    """Kill a sandbox's first process."""
    if sandbox.modal_sandbox is None:
        (front,) = Traces(sandbox.sandbox_id).fronts()
        os.kill(front, signal.SIGKILL)
        return
    with contextlib.suppress(SandboxLostError):
        sandbox.run("pkill -KILL -f 'seer_runtime$'")


def _lines(file: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return file.read_text().splitlines()
    return []
