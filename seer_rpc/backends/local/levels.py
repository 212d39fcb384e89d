"""What keeps a sandbox apart on this machine: which level there is, and what is missing."""

from __future__ import annotations

import ctypes
import sys
import warnings
from functools import cache

from seer_rpc.backends.local.namespace import Problem, find_bubblewrap
from seer_rpc.backends.protocol import IsolationLevel, MachineSpec
from seer_rpc.errors import IsolationError

_LEVELS: tuple[IsolationLevel, ...] = ("namespace", "landlock", "none")
_CREATE_RULESET = 444
_ASK_VERSION = 1


def choose_level(spec: MachineSpec) -> IsolationLevel:
    """Give the level that is in force: the one that is wanted, or for "auto" the best one.

    Raises:
        IsolationError: this machine does not have what is wanted.
    """
    level = _best_level() if spec.isolation == "auto" else spec.isolation
    problem = _problem(level)
    if problem is not None:
        raise IsolationError(
            f"isolation={level!r} is not to be had: {problem.reason}", hint=problem.remedy
        )
    if spec.has_hidden_models and level != "namespace" and not spec.hides_without_isolation:
        raise IsolationError(
            f"a model cannot be hidden at isolation level {level!r}: what runs there sees this "
            "machine's own paths",
            hint="isolation='namespace', backend='modal', or hide_without_isolation=True if it may "
            "be found",
        )
    if level == "none" and spec.blocks_network:
        raise IsolationError(
            "block_network=True needs isolation, and there is none",
            hint="isolation='auto', and what its warning says to install; block_network=False "
            "with a hidden model",
        )
    return level


@cache
def landlock_version() -> int:
    """Give the version of the kernel's Landlock; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    asked = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(0, int(asked))


@cache
def _best_level() -> IsolationLevel:
    """Give it; what is missing is said once in a process."""
    missing = [problem for problem in map(_problem, _LEVELS) if problem is not None]
    level = next(level for level in _LEVELS if _problem(level) is None)
    if level != "namespace":
        warnings.warn(
            f"sandboxes are isolated at level {level!r} only: {missing[0].reason}; what helps: "
            f"{missing[0].remedy}",
            stacklevel=2,
        )
    return level


def _problem(level: IsolationLevel) -> Problem | None:
    if level == "none":
        return None
    if sys.platform != "linux":
        return Problem(f"{level} is Linux's", "use isolation='none' here")
    if level == "namespace":
        found = find_bubblewrap()
        return found if isinstance(found, Problem) else None
    if not landlock_version():
        return Problem("this kernel has no Landlock", "Linux 5.13 or newer, with lsm=landlock,...")
    return None
