"""A real language model that answers, through a sandbox and in the caller's own process."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.packaged_model import served
from benchmarks.measurements.timing import seconds_of
from seer_rpc import interface
from seer_rpc.cli.ready_made import interface_path

_INTERFACE = "seer_interfaces.language_model"
_MESSAGE = "Tell me a story about a lighthouse."


def measure(_: str, effort: Effort) -> Measured:
    """Give the seconds of an answer through the sandbox, and those of the same in this process.

    They take turns: a difference of a hundredth is less than what two runs differ by.
    """
    with served(Path(interface_path("language_model"))) as (session, model):
        chat_here = _load_here({"model": model})

        def answer_there() -> Any:
            return session.call("chat", [_MESSAGE, effort.tokens], {})

        def answer_here() -> Any:
            return chat_here(_MESSAGE, effort.tokens)

        if answer_there() != answer_here():
            raise AssertionError("the two answers differ")
        pairs = [
            (seconds_of(answer_there), seconds_of(answer_here)) for _ in range(2 * effort.repeats)
        ]
    there, here = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(there / here for there, here in pairs)
    return Measured({"through the sandbox": there, "in process": here, "ratio": ratio})


def _load_here(models: dict[str, str]) -> Callable[..., Any]:
    """Load the interface's file as a module of this process."""
    with mock.patch.object(interface, "list_configured_models", return_value=models):
        chat: Callable[..., Any] = importlib.import_module(_INTERFACE).chat
    return chat
