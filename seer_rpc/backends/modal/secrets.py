"""Secrets that Modal keeps for its users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import modal
from modal import exception

from seer_rpc.backends.hub import TOKEN
from seer_rpc.backends.modal.deadlines import asked
from seer_rpc.backends.modal.problems import translated

_MORE_NAMES = {TOKEN: ("huggingface-secret",)}


def find_secrets(names: Sequence[str]) -> Mapping[str, str]:
    """Give those of the names that Modal has a secret for, and what that is called there."""
    found: dict[str, str] = {}
    with translated():
        for name in names:
            known = (kept for kept in (name, *_MORE_NAMES.get(name, ())) if _is_kept(kept))
            if (kept := next(known, None)) is not None:
                found[name] = kept
    return found


def _is_kept(name: str) -> bool:
    try:
        asked(modal.Secret.from_name(name).hydrate)
    except exception.NotFoundError:
        return False
    return True
