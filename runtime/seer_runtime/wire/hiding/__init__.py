"""Keep the names of hidden models out of a sandbox: out of its files and of what it is told."""

from __future__ import annotations

from seer_runtime.wire.hiding.files import HidingError, clean, copy_without_names
from seer_runtime.wire.hiding.names import Names
from seer_runtime.wire.hiding.seals import SealedName, seal

__all__ = ["HidingError", "Names", "SealedName", "clean", "copy_without_names", "seal"]
