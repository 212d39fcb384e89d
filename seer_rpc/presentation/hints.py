"""What is known of how a function runs, in words."""

from __future__ import annotations

from seer_runtime.wire.pb.interface_pb2 import Function


def function_hints(function: Function) -> list[str]:
    """Say what a caller should know before a call."""
    known = {
        "gives a stream, as JSON the list of its items": function.is_stream,
        "changes nothing": function.is_read_only,
        "may destroy what cannot be brought back": function.is_destructive,
        "may be called again without harm": function.is_idempotent,
        "runs beside other calls": function.is_concurrent,
        f"ends after {function.timeout:g} s": bool(function.timeout),
    }
    return [words for words, is_so in known.items() if is_so]
