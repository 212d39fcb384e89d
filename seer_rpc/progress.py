"""Show on standard error that something slow goes on. Standard output is the user's."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

OnProgress: TypeAlias = Callable[[Hashable, str, float | None, float | None, str], None]
"""Takes a call, its function's name, what is done (None: it is over), in all, and a message."""

_FIRST_NOTE = 2.0
_NEXT_NOTE = 15.0
_PERIOD = 0.1


_SHOWN: list[Status] = []
"""What goes on, the newest last."""


class Status:
    """Something slow: what it is, since when, and a detail that changes."""

    def __init__(self, text: str) -> None:
        """Begin now."""
        self._text = text
        self._begun = time.monotonic()
        self._detail = ""

    def show(self, detail: str) -> None:
        """Show `detail` beside the text: the last line of a log, say."""
        # Progress bars overwrite their own line; the last state is behind the last return.
        self._detail = detail.rsplit("\r", 1)[-1].strip()

    def __str__(self) -> str:
        """Give the line to show now."""
        line = f"{self._text} ({time.monotonic() - self._begun:.0f} s)"
        return f"{line}: {self._detail}" if self._detail else line


_WHOLE: ContextVar[Status | None] = ContextVar("seer_rpc_whole", default=None)
"""What the things that go on here are parts of: it is shown, and they are not."""


@contextlib.contextmanager
def status(text: str) -> Iterator[Status]:
    """Show `text` and the seconds that have passed, until the block ends.

    Where standard error is no terminal, a line appears now and then instead.
    """
    whole = _WHOLE.get()
    if whole is not None:
        yield whole
        return
    shown = Status(text)
    _SHOWN.append(shown)
    stopped = threading.Event()
    show = _animate if sys.stderr.isatty() else _note_now_and_then
    thread = threading.Thread(target=show, args=(shown, stopped), name="seer-status", daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        _SHOWN.remove(shown)
        stopped.set()
        thread.join()


@contextlib.contextmanager
def parts_of(whole: Status) -> Iterator[None]:
    """Have what goes on in the block show its details as those of `whole`, and print no notes."""
    token = _WHOLE.set(whole)
    try:
        yield
    finally:
        _WHOLE.reset(token)


def show_detail(detail: str) -> None:
    """Show how far what is being shown has come, where anything is."""
    for shown in _SHOWN[-1:]:
        shown.show(detail)


def note(text: str) -> None:
    """Print one line on standard error."""
    if _WHOLE.get() is None:
        sys.stderr.write(f"seer: {text}\n")


def _animate(shown: Status, stopped: threading.Event) -> None:
    # Only a terminal needs it, and it takes long to import.
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    with console.status(Text(str(shown))) as spinner:
        while not stopped.wait(0.1):
            spinner.update(Text(str(shown)[: console.width - 4]))


def _note_now_and_then(shown: Status, stopped: threading.Event) -> None:
    pause = _FIRST_NOTE
    while not stopped.wait(pause):
        note(str(shown))
        pause = _NEXT_NOTE


def show_progress(
    call: Hashable, name: str, done: float | None, total: float | None, message: str
) -> None:
    """Show a bar for each call that tells how far it is; where there is no terminal, nothing."""
    if sys.stderr.isatty():
        _BARS.show(call, f"{name} {message}".strip(), done, total)


class Tally:
    """How many of many things are done: a bar on the terminal, once that takes long."""

    def __init__(self, name: str, total: int | None) -> None:
        """Begin with none; without a total the number alone is shown."""
        self._name = name
        self._total = total
        self._done = 0
        self._next = time.monotonic() + _FIRST_NOTE

    def advance(self) -> None:
        """Count one more."""
        self._done += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PERIOD
            count = str(self._done) if self._total is None else f"{self._done}/{self._total}"
            show_progress(id(self), self._name, self._done, self._total, count)

    def end(self) -> None:
        """Show it no more."""
        show_progress(id(self), self._name, None, None, "")


class _Bars:
    """The bars of all calls, on the terminal while there are any."""

    def __init__(self) -> None:
        # A stream that the garbage collector ends may end its bar meanwhile.
        self._lock = threading.RLock()
        self._display: Progress | None = None
        self._tasks: dict[Hashable, TaskID] = {}

    def show(self, call: Hashable, text: str, done: float | None, total: float | None) -> None:
        with self._lock:
            if done is None:
                self._remove(call)
                return
            display = self._display or self._open()
            text = _plain(text)
            if call not in self._tasks:
                self._tasks[call] = display.add_task(text, total=total)
            display.update(self._tasks[call], completed=done, total=total, description=text)

    def _open(self) -> Progress:
        from rich.console import Console
        from rich.progress import Progress

        self._display = Progress(console=Console(stderr=True), transient=True)
        self._display.start()
        return self._display

    def _remove(self, call: Hashable) -> None:
        task = self._tasks.pop(call, None)
        if self._display is None or task is None:
            return
        self._display.remove_task(task)
        if not self._tasks:
            self._display.stop()
            self._display = None


def _plain(text: str) -> str:
    """Keep rich from reading a text as markup."""
    from rich.markup import escape

    return escape(text)


_BARS = _Bars()
