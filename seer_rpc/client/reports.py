"""How far calls are, as the runtime says it."""

from __future__ import annotations

import contextlib
import traceback

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
        self._listeners: dict[int, OnProgress] = {}

    def listen(self, seq: int, on_progress: OnProgress) -> None:
        """Tell `on_progress` of one call, instead."""
        self._listeners[seq] = on_progress

    def report(self, frame: Frame) -> None:
        """Pass a frame on."""
        with contextlib.suppress(DecodeError, ValueError, TypeError):
            done, total, message = self._codec.decode(frame.body)
            self._functions[frame.seq] = frame.name
            self._tell(frame.seq, frame.name, done, total, message)

    def end(self, seq: int) -> None:
        """Say that a call is over."""
        function = self._functions.pop(seq, None) if self._functions else None
        if function is not None:
            self._tell(seq, function, None, None, "")
        if self._listeners:
            self._listeners.pop(seq, None)

    def end_all(self) -> None:
        """Say that every call is over."""
        for seq in {*self._functions, *self._listeners}:
            self.end(seq)

    def _tell(
        self, seq: int, function: str, done: float | None, total: float | None, message: str
    ) -> None:
        try:
            tell = self._listeners.get(seq, self._on_progress)
            tell((id(self), seq), function, done, total, message)
        except Exception:  # noqa: BLE001 - the user's function may raise anything
            # Whoever passes answers on must go on with that.
            traceback.print_exc()
