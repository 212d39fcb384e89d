"""How a server's own tools are called: as no function of its interface is."""

from __future__ import annotations

from collections.abc import Collection


def free_prefix(noun: str, verbs: Collection[str], taken: Collection[str]) -> str:
    """Give what the names of tools begin with: "job" for "job_get", unless that is taken."""
    second = f"call_{noun}"
    prefixes = (noun, second, *(f"{second}_{number}" for number in range(2, len(taken) + 3)))
    return next(
        prefix for prefix in prefixes if not {f"{prefix}_{verb}" for verb in verbs} & set(taken)
    )
