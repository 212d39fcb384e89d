"""The lines that calls print: each whole, and with the id of its call in front."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from seer_runtime.wire.call_ids import call_id

if TYPE_CHECKING:
    from seer_runtime.worker.running import Running

_LONGEST = 4096
"""Characters of a line without an end that are held back."""

# A carriage return begins the line anew: what is in front goes there again.
_BEGINNING = re.compile(r"(?<=\n)(?=.)|(?<=\r)(?=[^\n])", re.DOTALL)

_RETURN = re.compile(r"^\r(?=[^\n])")

Writer: TypeAlias = object


class Page:
    """What was written in one place by several writers, of whom each wants lines of its own."""

    def __init__(self) -> None:
        """Begin with an empty line."""
        self.unfinished: Writer | None = None
        """Whose line is not ended."""
        self._is_anew = False
        self._broken: set[Writer] = set()

    def lay_out(self, writer: Writer, text: str, prefix: str = "") -> str:
        """Give what is to be written where `writer` writes `text`, not empty."""
        if writer in self._broken:
            # The line that it now ends was ended for it.
            self._broken.discard(writer)
            text = text.removeprefix("\n")
            if not text:
                return ""
        other, is_anew = self.unfinished, self._is_anew
        self.unfinished = None if text.endswith("\n") else writer
        self._is_anew = text.endswith("\r")
        if prefix:
            if other != writer or (is_anew and text[0] != "\n"):
                # To return to the beginning of a line that begins here would leave an empty one.
                text = prefix + _RETURN.sub("", text)
            text = _BEGINNING.sub(lambda _: prefix, text)
        if other is None or other == writer:
            return text
        self._broken.add(other)
        return "\n" + text

    def forget(self, writers: Sequence[Writer]) -> None:
        """Expect nothing more of them."""
        self._broken.difference_update(writers)


class Stream(Protocol):
    """Where lines are written."""

    page: Page

    def put(self, text: str) -> None:
        """Write text as it is."""


class CallLines:
    """What one call prints, or several that run as one."""

    def __init__(self, prefix: str) -> None:
        """Put `prefix` in front of each line."""
        self._prefix = prefix
        self._held: dict[tuple[Stream, int], str] = {}
        """The beginnings of lines, by stream and thread."""
        self._writers: dict[tuple[Stream, int], Writer] = {}

    def write(self, stream: Stream, text: str) -> None:
        """Write the lines that are whole, and hold back the rest: others print too."""
        key = stream, threading.get_ident()
        text = self._held.pop(key, "") + text
        end = text.rfind("\n") + 1
        if len(text) - end > _LONGEST:
            end = len(text)
        if end < len(text):
            self._held[key] = text[end:]
        self._put(key, text[:end])

    def flush(self, stream: Stream) -> None:
        """Write what this thread has begun, too."""
        key = stream, threading.get_ident()
        self._put(key, self._held.pop(key, ""))

    def end(self) -> None:
        """Write all that is left, and end every line."""
        # The call is over, whatever keeps its last words from being written.
        with contextlib.suppress(OSError, ValueError):
            while self._held:
                key, text = self._held.popitem()
                self._put(key, f"{text}\n")
            for key, writer in self._writers.items():
                if key[0].page.unfinished == writer:
                    self._put(key, "\n")
        for stream, _ in self._writers:
            stream.page.forget(list(self._writers.values()))

    def _put(self, key: tuple[Stream, int], text: str) -> None:
        if text:
            stream = key[0]
            writer = self._writers.setdefault(key, object())
            stream.put(stream.page.lay_out(writer, text, self._prefix))


def lines_of(running: Running) -> CallLines:
    """Give the lines of a call."""
    # Of two threads that come here first, both get the same.
    lines: CallLines = vars(running).setdefault("output", CallLines(_prefix([running])))
    return lines


def share_lines(running: Sequence[Running]) -> None:
    """Have the first of several calls that run as one print for all of them."""
    running[0].output = CallLines(_prefix(running))


def _prefix(running: Sequence[Running]) -> str:
    return f"[{','.join(call_id(*each.call.key) for each in running)}] "
