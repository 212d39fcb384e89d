"""Python in local sandboxes: a virtual environment of each one's own over what they share."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.requirements import Requirement

from seer_rpc.backends.local.python.interpreter import own_packages, this_interpreter
from seer_rpc.backends.local.python.layers import Layers, layers_of
from seer_rpc.backends.local.python.overlays import find_overlay, overlays, prune_overlays
from seer_rpc.backends.local.python.scripts import movable_scripts
from seer_rpc.backends.local.python.venv import Venv, make_venv

__all__ = [
    "Layers",
    "Venv",
    "find_layers",
    "make_venv",
    "overlays",
    "own_packages",
    "prune_overlays",
]


def find_layers(requirements: Sequence[Requirement]) -> Layers:
    """Give what a sandbox needs that has these packages, installed into the cache where need be.

    Raises:
        PackageInstallError: a package cannot be had; the message says which one, and why.
    """
    interpreter = this_interpreter()
    overlay = find_overlay(requirements, interpreter)
    return layers_of(interpreter, overlay, movable_scripts(interpreter.scripts))
