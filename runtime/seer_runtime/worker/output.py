"""Standard output and standard error of a worker, which say what call a line is from."""

from __future__ import annotations

import io
import os
import sys

from seer_runtime.secrecy import SECRECY
from seer_runtime.worker.lines import Page, lines_of
from seer_runtime.worker.reporter import CURRENT


class CallOutput(io.TextIOWrapper):
    """A text stream. What is printed while no call runs is written as it is."""

    def __init__(self, stream: io.TextIOWrapper, page: Page) -> None:
        """Take the place of `stream`, which is of no more use."""
        encoding, errors, mode = stream.encoding, stream.errors, stream.mode
        is_line_buffered, is_unbuffered = stream.line_buffering, stream.write_through
        super().__init__(stream.detach(), encoding, errors, "\n", is_line_buffered, is_unbuffered)
        vars(self)["mode"] = mode
        self.page = page

    def write(self, text: str) -> int:
        """Write text, with the call's id in front of each line."""
        if not isinstance(text, str):
            return super().write(text)
        running = CURRENT.get()
        if running is not None and not running.is_over:
            (running.output or lines_of(running)).write(self, text)
        elif text:
            self.put(self.page.lay_out(_NO_CALL, text))
        return len(text)

    def flush(self) -> None:
        """Write what is held back, too."""
        running = CURRENT.get()
        if running is not None and running.output is not None:
            running.output.flush(self)
        super().flush()

    def put(self, text: str) -> None:
        """Write text as it is, but for names that are to be masked."""
        super().write(SECRECY.text(text))


_NO_CALL = object()


def mark_lines() -> None:
    """Have every line that a call prints say which call that is.

    Comes before the user's code: whatever keeps hold of a stream keeps hold of the right one.
    """
    page = Page()
    for name in ("stdout", "stderr"):
        stream = CallOutput(getattr(sys, name), page)
        setattr(sys, name, stream)
        # For who puts back what Python started with.
        setattr(sys, f"__{name}__", stream)
    os.register_at_fork(after_in_child=_forget_lines)


def _forget_lines() -> None:
    """Leave what was printed before a fork to the parent."""
    running = CURRENT.get()
    if running is not None:
        running.output = None
