"""Have a kernel use the libraries that are in its folder now."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable


def refresh(names: Iterable[str]) -> None:
    """Reload what was imported of libraries, in place: what a notebook has of them changes, too.

    Args:
        names: What the libraries are imported as.
    """
    from IPython.extensions.autoreload import superreload

    importlib.invalidate_caches()
    wanted = set(names)
    loaded = [name for name in sys.modules if name.partition(".")[0] in wanted]
    # What is inside first: what imports it finds it as it is now.
    for name in sorted(loaded, key=lambda name: -name.count(".")):
        module = sys.modules[name]
        # Compiled files are told apart by seconds and sizes.
        with contextlib.suppress(OSError, TypeError):
            os.unlink(importlib.util.cache_from_source(module.__file__ or ""))
        superreload(module, importlib.reload)
    # A package that is reloaded has forgotten what is in it.
    for name in loaded:
        package, _, inner = name.rpartition(".")
        if package in sys.modules:
            setattr(sys.modules[package], inner, sys.modules[name])
