"""What is different between two outlines of an interface."""

from __future__ import annotations

from collections.abc import Mapping


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say what is new, gone or changed from one outline to another: a line each."""
    gone = [f"gone: {before[name]}" for name in before if name not in after]
    changed = [
        f"changed: {before[name]}\n    now: {after[name]}"
        for name in before
        if name in after and after[name] != before[name]
    ]
    new = [f"new: {after[name]}" for name in sorted(after) if name not in before]
    return [*gone, *changed, *new]
