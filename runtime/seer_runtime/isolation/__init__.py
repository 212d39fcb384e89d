"""What a front takes from itself, and from all that it starts, before anything else runs."""

from __future__ import annotations

from seer_runtime.isolation import landlock, seccomp
from seer_runtime.isolation.kernel import close_memory, drop_capabilities
from seer_runtime.wire.settings import Confinement

__all__ = ["confine"]


def confine(confinement: Confinement) -> None:
    """Confine this process for good; its children inherit that.

    Raises:
        OSError: the kernel refuses.
    """
    landlock.restrict(confinement)
    if confinement.restricts_files:
        drop_capabilities()
    else:
        # Here /proc is in sight, where others of the same user could read this one's memory.
        close_memory()
    seccomp.restrict(has_network=confinement.has_network)
