"""Names for interface files: what a sandbox injects, so that editors and plain Python know them.

    from seer_rpc.interface import expose, get_model_path

Inside a sandbox these are the injected ones. Outside, the file is an ordinary module whose
functions can be imported and tested.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

from seer_rpc.errors import ModelNotFoundError

__all__ = ["expose", "get_model_path", "list_configured_models", "progress"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def expose(function: F) -> F: ...
@overload
def expose() -> Callable[[F], F]: ...
def expose(function: F | None = None) -> F | Callable[[F], F]:
    """Mark a function as callable from outside the sandbox; gives the function itself back."""
    return expose if function is None else function


def get_model_path(name: str) -> str:
    """Give the directory of a model that the sandbox was configured with.

    Outside a sandbox, `name` must be a local directory.

    Raises:
        ModelNotFoundError: it is not.
    """
    if not Path(name).is_dir():
        raise ModelNotFoundError(
            f"no model {name!r} outside a sandbox",
            hint="give a local directory, or serve the file with ScopedSandbox",
        )
    return name


def list_configured_models() -> dict[str, str]:
    """Give the directory of each configured model by its name; outside a sandbox there are none."""
    return {}


def progress(done: float, total: float | None = None, message: str = "") -> None:
    """Tell whoever waits for the running call how far it is; outside a sandbox, nobody does.

    Args:
        done: How much is done.
        total: How much there is to do, where that is known.
        message: What is being done.
    """
