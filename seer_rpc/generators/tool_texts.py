"""What is said of a function as a tool: what it does, what it gives, what a call may do."""

from __future__ import annotations

import textwrap

from seer_rpc.presentation.hints import effect_hints, sentence
from seer_runtime.wire.outline import signature, type_text
from seer_runtime.wire.pb.interface_pb2 import Function

MOST_CHARACTERS = 1024
"""Of a description. Some clients refuse all tools where one has a longer one, others cut it."""

_LONGEST_TYPE = 120
_LONGEST_GIVEN = 300


def description(function: Function) -> tuple[str, str]:
    """Give a tool's description, and what of the docstring it has no room for."""
    doc = function.doc or f"Call `{signature(function)}`."
    said = f"{_given(function)} {sentence(effect_hints(function))}".strip()
    room = MOST_CHARACTERS - len(said) - 2
    if len(doc) <= room:
        return f"{doc}\n\n{said}", ""
    head, *_ = doc[: room - 2].rsplit(maxsplit=1)
    return f"{head} …\n\n{said}", doc[len(head) :].strip()


def _given(function: Function) -> str:
    """Say what comes back."""
    if function.result.name == "none" and not function.is_stream:
        return "Gives nothing back."
    kind = type_text(function.result)
    if function.is_stream:
        kind = f"list[{kind}]"
    shown = f"`{kind}`" if len(kind) <= _LONGEST_TYPE else "a result"
    doc = textwrap.shorten(function.result_doc, _LONGEST_GIVEN, placeholder=" …")
    # Most docstrings say it themselves.
    is_new = doc and function.result_doc not in function.doc
    return f"Gives {shown}: {doc}" if is_new else f"Gives {shown}."
