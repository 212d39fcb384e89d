"""What one cell put out, within bounds: what is too much is in files beside the notebook."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any

from seer_runtime.kernel.jupyter.files import Files, Output, append, note

_HEAD = _TAIL = 256 << 10
"""Characters of a stream that stay in the notebook: its begin and its end."""

_MOST = 2_000
"""Outputs that stay in the notebook."""

_ROOM = 32 << 20
"""Characters that all of them may have together."""

_DEEPEST = 200
"""Levels of an output: what has many more can be written, or read, by nobody."""

_FEW = 20
_FOR_ERRORS = 4 << 20
"""So many errors find a place where nothing else does, and so many characters of them."""


class Stream:
    """Text of one stream."""

    def __init__(self, name: str, file: Path, version: int) -> None:
        """Begin; `file` is for all of it, should it be long."""
        self.version = self._first = version
        self.name = name
        self._file = file
        self._head = ""
        self._newest: deque[tuple[int, str]] = deque()
        self._kept = self._total = self._lost = 0

    def add(self, text: str, version: int) -> None:
        """Add text."""
        if self._total + len(text) > _HEAD + _TAIL:
            self._keep_whole(text)
        self._head += text[: max(0, _HEAD - len(self._head))]
        self._newest.append((version, text))
        self._total += len(text)
        self._kept += len(text)
        while self._kept - len(self._newest[0][1]) >= _TAIL:
            self._lost, dropped = self._newest.popleft()
            self._kept -= len(dropped)
        self.version = version

    def output(self) -> Output:
        """Give it as an output."""
        return {"output_type": "stream", "name": self.name, "text": self._text()}

    def change(self, since: int) -> Output | None:
        """Give what was added since a version; None where that is not known any more.

        Of what is too long to be kept whole it is also what is kept.
        """
        if since < self._first or self._lost > since:
            return None
        added = {"append": "".join(text for version, text in self._newest if version > since)}
        return added if self._total <= _HEAD + _TAIL else {**added, "output": self.output()}

    @property
    def size(self) -> int:
        """Characters that it has in the notebook."""
        return min(self._total, _HEAD + _TAIL)

    def _text(self) -> str:
        rest = "".join(text for _, text in self._newest)
        more = self._total - len(self._head)
        if more <= _TAIL:
            return self._head + (rest[-more:] if more else "")
        left_out = more - _TAIL
        note = f"\n[... {left_out} characters are left out here; all of it: {self._file} ...]\n"
        return self._head + note + rest[-_TAIL:]

    def _keep_whole(self, text: str) -> None:
        if self._total <= _HEAD + _TAIL:
            text = self._text() + text
        append(self._file, text)


class Fixed:
    """An output that comes whole."""

    def __init__(self, output: Output, version: int) -> None:
        """Keep it."""
        self._output = output
        self.version = version
        self.size = len(json.dumps(output))

    def replace(self, output: Output, version: int) -> None:
        """Be another one."""
        self.__init__(output, version)  # type: ignore[misc]

    def output(self) -> Output:
        """Give it."""
        return self._output

    def change(self, _: int) -> Output | None:
        """It does not grow."""
        return None


class Outputs:
    """All that one cell put out, and what changed since when."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing; `folder` is for what is too much."""
        self.version = 0
        self._files = Files(folder)
        self._entries: list[Stream | Fixed] = []
        self._displays: dict[str, list[Fixed]] = {}
        self._room = _ROOM
        self._begin = 0
        self._is_to_be_cleared = False
        self._has_spilled = False

    def add_text(self, name: str, text: str) -> None:
        """Add what was printed."""
        self._make_way()
        self.version += 1
        last = self._entries[-1] if self._entries else None
        if isinstance(last, Stream) and last.name == name:
            self._room += last.size
        else:
            if self._is_full or self._room < _HEAD + _TAIL:
                self._spill(f"more.{name}.txt", text)
                return
            last = Stream(name, self._files.new(f"{name}.txt"), self.version)
            self._entries.append(last)
        last.add(text, self.version)
        self._room -= last.size

    def add(self, output: Output, display: str = "") -> None:
        """Add a display, a result or an error; `display` is what updates call it."""
        self._make_way()
        self.version += 1
        spare = _FEW if output["output_type"] == "error" else 0
        if len(self._entries) >= _MOST + spare:
            self._spill("more.jsonl", json.dumps(output) + "\n")
            return
        entry = Fixed(self._fitting(output), self.version)
        self._room -= entry.size
        self._entries.append(entry)
        if display:
            self._displays.setdefault(display, []).append(entry)

    def update(self, display: str, output: Output) -> bool:
        """Show something else wherever a display is shown; tells whether it is."""
        entries = self._displays.get(display, ())
        for entry in entries:
            self.version += 1
            self._room += entry.size
            entry.replace(self._fitting(_shown_in(entry) | output), self.version)
            self._room -= entry.size
        return bool(entries)

    def clear(self, wait: bool) -> None:
        """Forget all; with `wait` when the next output comes."""
        self._is_to_be_cleared = wait
        if not wait:
            self.version += 1
            self._begin = self.version
            self._entries = []
            self._displays = {}
            self._room = _ROOM
            self._has_spilled = False

    def whole(self) -> list[Output]:
        """Give them as they belong into a notebook."""
        return [entry.output() for entry in self._entries]

    def since(self, version: int) -> dict[str, Any]:
        """Say what changed since a version, 0 for the begin."""
        is_new = version < self._begin or version > self.version
        known = 0 if is_new else version
        changes = [
            {"index": index, **(entry.change(known) or {"output": entry.output()})}
            for index, entry in enumerate(self._entries)
            if entry.version > known
        ]
        return {"version": self.version, "is_new": is_new, "changes": changes}

    @property
    def size(self) -> int:
        """Characters that all of them have."""
        return _ROOM - self._room

    @property
    def _is_full(self) -> bool:
        return len(self._entries) >= _MOST

    def _make_way(self) -> None:
        if self._is_to_be_cleared:
            self.clear(wait=False)

    def _spill(self, name: str, text: str) -> None:
        if not self._has_spilled:
            self._has_spilled = True
            said = f"[more output than a notebook holds; the rest is in {self._files.folder}]\n"
            self._entries.append(Fixed(note(said), self.version))
        append(self._files.folder / name, text)

    def _fitting(self, output: Output) -> Output:
        """Give an output as there is room for it."""
        if not _is_flat(output, _DEEPEST):
            return note("[an output is left out here: it is nested too deeply]\n")
        size = len(json.dumps(output))
        if output["output_type"] == "error":
            # That there was one is always told.
            return output if size <= self._room + _FOR_ERRORS else output | {"traceback": []}
        return output if size <= self._room else self._files.take(output)


def _shown_in(entry: Fixed) -> Output:
    """Give what an update changes: a display, also where one was too large."""
    output = entry.output()
    return output if "data" in output else {"output_type": "display_data"}


def _is_flat(value: Any, most: int) -> bool:
    """Tell whether a value of JSON has no more levels than that."""
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return most > 0 and all(_is_flat(each, most - 1) for each in inner)
