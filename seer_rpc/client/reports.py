"""How far calls are, as the runtime says it."""

from __future__ import annotations

import contextlib

from seer_rpc.progress import OnProgress
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError
from seer_runtime.wire.frames import Frame


class ProgressReports:
    """Passes on what PROGRESS frames say."""

    def __init__(self, on_progress: OnProgress) -> None:
        """Tell `on_progress`."""
        self._on_progress = on_progress
        self._codec = Codec()
        self._functions: dict[int, str] = {}

    def report(self, frame: Frame) -> None:
        """Pass a frame on."""
        with contextlib.suppress(DecodeError, ValueError, TypeError):
            done, total, message = self._codec.decode(frame.body)
            self._functions[frame.seq] = frame.name
            self._on_progress((id(self), frame.seq), frame.name, done, total, message)

    def end(self, seq: int) -> None:
        """Say that a call is over."""
        function = self._functions.pop(seq, None) if self._functions else None
        if function is not None:
            self._on_progress((id(self), seq), function, None, None, "")

    def end_all(self) -> None:
        """Say that every call is over."""
        for seq in list(self._functions):
            self.end(seq)
