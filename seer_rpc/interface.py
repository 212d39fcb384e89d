"""Names for interface files: what a sandbox injects, so that editors and plain Python know them.

    from seer_rpc.interface import expose, get_model_path

Inside a sandbox these are the injected ones. Outside, the file is an ordinary module whose
functions can be imported and tested.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from seer_rpc.errors import ModelNotFoundError
from seer_runtime.wire.media import Media

__all__ = [
    "Media",
    "Ref",
    "TensorRef",
    "empty",
    "expose",
    "get_model_path",
    "list_configured_models",
    "progress",
]

F = TypeVar("F", bound=Callable[..., Any])


class Ref:
    """Returned by a function, `Ref(value)` keeps the value in the sandbox.

    Its caller gets a `seer_rpc.client.Ref`: a handle that stands for the value as an argument, can
    fetch it, and frees it. Outside a sandbox it is no more than the value in a box.
    """

    def __init__(self, value: Any) -> None:
        """Keep a value."""
        self.value = value


class TensorRef(Ref):
    """As `Ref`, of a torch tensor or a numpy array: its handle also knows shape and dtype."""


@overload
def expose(function: F) -> F: ...
@overload
def expose(
    *,
    concurrent: bool = False,
    batch: bool = False,
    max_batch: int = 16,
    max_wait_ms: float = 5.0,
    idempotent: bool = False,
    read_only: bool = False,
    destructive: bool = False,
    timeout: float | None = None,
) -> Callable[[F], F]: ...
def expose(function: F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Mark a function as callable from outside the sandbox; gives the function itself back.

    Of a class, one instance is made when the file is loaded; its public methods are functions
    called "Class.method". A method may be marked too, to have options of its own.

    Args:
        function: What to mark.
        **options: How it is run. `concurrent=True`: beside other calls, on the shared event loop
            where it is async, else on a thread of its own. `batch=True`: once for up to `max_batch`
            calls that come within `max_wait_ms` milliseconds; its parameters and its result are
            lists with an item a call. `idempotent=True`: to run twice does no harm, so a call that
            was cut off by the worker's death is made again. `read_only=True`: it changes nothing.
            `destructive=True`: it may lose something that cannot be brought back. `timeout=`: the
            seconds that a call should take at most; callers may give another limit.
    """
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


def empty(shape: int | Sequence[int], dtype: Any = None) -> Any:
    """Give an array with undefined content, for a result to be written into.

    Inside a sandbox, what a function returns of it goes to a caller on the same machine without a
    copy. A torch dtype, or none where torch is loaded, gives a tensor; else it is a numpy array.
    """
    torch = sys.modules.get("torch")
    if torch is not None and (dtype is None or isinstance(dtype, torch.dtype)):
        return torch.empty(shape, dtype=dtype)
    import numpy as np

    return np.empty(shape, "float32" if dtype is None else dtype)
