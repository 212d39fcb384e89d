"""Show on standard error that something slow goes on. Standard output is the user's."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

_FIRST_NOTE = 2.0
_NEXT_NOTE = 15.0


@contextlib.contextmanager
def status(text: str) -> Iterator[Callable[[str], None]]:
    """Show `text` and the seconds that have passed, until the block ends.

    The function that it gives shows a detail beside them: the last line of a log, say. Where
    standard error is no terminal, a line appears now and then instead.
    """
    console = Console(stderr=True)
    show = _animate if console.is_terminal else _note
    stopped = threading.Event()
    detail = [""]
    thread = threading.Thread(
        target=show, args=(console, text, detail, stopped), name="seer-status", daemon=True
    )
    thread.start()
    try:
        yield lambda line: detail.__setitem__(0, line)
    finally:
        stopped.set()
        thread.join()


def note(text: str) -> None:
    """Print one line on standard error."""
    Console(stderr=True, soft_wrap=True).print(Text(f"seer: {text}", style="dim"))


def _animate(console: Console, text: str, detail: list[str], stopped: threading.Event) -> None:
    begun = time.monotonic()
    with console.status(Text(text)) as spinner:
        while not stopped.wait(0.1):
            spinner.update(Text(_line(text, begun, detail[0])[: console.width - 4]))


def _note(console: Console, text: str, detail: list[str], stopped: threading.Event) -> None:
    begun = time.monotonic()
    pause = _FIRST_NOTE
    while not stopped.wait(pause):
        note(_line(text, begun, detail[0]))
        pause = _NEXT_NOTE


def _line(text: str, begun: float, detail: str) -> str:
    seconds = f"{text} ({time.monotonic() - begun:.0f} s)"
    # Progress bars overwrite their own line; the last state is behind the last return.
    last = detail.rsplit("\r", 1)[-1].strip()
    return f"{seconds}: {last}" if last else seconds
