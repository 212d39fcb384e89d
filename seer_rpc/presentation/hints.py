"""What is known of how a function runs, in words."""

from __future__ import annotations

from collections.abc import Sequence

from seer_runtime.wire.pb.interface_pb2 import Function


def function_hints(function: Function) -> list[str]:
    """Say what a caller should know before a call."""
    stream = ["gives a stream, as JSON the list of its items"] if function.is_stream else []
    beside = ["runs beside other calls"] if function.is_concurrent else []
    return [*stream, *effect_hints(function), *beside]


def effect_hints(function: Function) -> list[str]:
    """Say what a call may do, how often it may be made, and how long it may take."""
    known = {
        "changes nothing": function.is_read_only,
        "may destroy what cannot be brought back": function.is_destructive,
        "may be called again without harm": function.is_idempotent,
        f"ends after {function.timeout:g} s": bool(function.timeout),
    }
    return [words for words, is_so in known.items() if is_so]


def sentence(hints: Sequence[str]) -> str:
    """Say them in one, if there is anything to say."""
    return f"({'; '.join(hints)})" if hints else ""
