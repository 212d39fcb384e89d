"""Having Modal make a sandbox; one that cannot be used is not left behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial

import modal
from modal import exception

from seer_rpc.backends.modal.deadlines import ANSWER, asked, within, within_unless_given_up
from seer_rpc.backends.modal.definition import APP, command, gpu, name, options
from seer_rpc.backends.modal.images import make_image
from seer_rpc.backends.modal.problems import MORE, translated
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import MachineSpec
from seer_rpc.errors import CapacityError, SandboxStartError, SeerError
from seer_rpc.progress import show_detail

_BUILD = 3600.0
_SCHEDULE = 900.0
"""Seconds in which there is a machine."""

_PAUSES = (1.0, 4.0, 10.0)
"""Seconds before a sandbox is asked for once more, where there was no machine."""


def create(spec: MachineSpec, entrance: Entrance | None) -> modal.Sandbox:
    """Create a sandbox, which runs but may not be ready.

    Raises:
        PackageInstallError: its image cannot be built.
        CapacityError: there is no machine for it.
        BackendError: Modal runs no such sandbox.
        SandboxStartError: Modal does not answer.
    """
    with translated():
        app = lookup_app()
        image = build(app, make_image(spec))
        create_one = partial(modal.Sandbox.create, *command(), app=app, image=image)
        make = partial(create_one, **options(spec, entrance))
        try:
            return schedule(make, gpu(spec))
        except BaseException:
            # What began it says more than what else is wrong.
            with contextlib.suppress(SeerError):
                end_what_runs(spec.sandbox_id)
            raise


def find(sandbox_id: str) -> modal.Sandbox | None:
    """Give what runs, or ran, on Modal under that id of this library's.

    Raises:
        SandboxStartError: Modal does not answer.
        BackendError: Modal does not take the credentials.
    """
    look = partial(modal.Sandbox.from_name, APP, name(sandbox_id))
    # Those without a GPU alone are found after their end, and no others are found in that way.
    for kind in (partial(look, include_terminated=True), look):
        with translated(), contextlib.suppress(exception.NotFoundError):
            return asked(kind)
    return None


def end_what_runs(sandbox_id: str) -> None:
    """End what runs on Modal under that id.

    Raises:
        SandboxStartError: Modal does not answer.
        BackendError: Modal does not take the credentials.
    """
    sandbox = find(sandbox_id)
    if sandbox is not None:
        end_found(sandbox)


def end_found(sandbox: modal.Sandbox) -> None:
    """End a sandbox, if it has not ended already. Raises what `end_what_runs` does."""
    with translated(), contextlib.suppress(exception.NotFoundError, exception.ConflictError):
        asked(sandbox.terminate)


def end(sandbox: modal.Sandbox) -> None:
    """End a sandbox; Modal is not waited for."""
    with contextlib.suppress(exception.Error, TimeoutError):
        within(ANSWER, sandbox.terminate)


def lookup_app() -> modal.App:
    """Give the app to which all sandboxes belong."""
    return asked(partial(modal.App.lookup, APP, create_if_missing=True))


def build(app: modal.App, image: modal.Image) -> modal.Image:
    """Have Modal build an image, where it does not have it.

    Raises:
        SandboxStartError: it takes too long.
    """
    show_detail("Modal builds the image, where it does not have it")
    try:
        return within_unless_given_up(_BUILD, partial(image.build, app))
    except TimeoutError:
        raise SandboxStartError(f"the image was not built within {_BUILD:.0f} s") from None


def schedule(make: Callable[[], modal.Sandbox], gpu: str | None = None) -> modal.Sandbox:
    """Make a sandbox, when there is a machine for it.

    Raises:
        CapacityError: there is none in time.
    """
    machine = f"machine with {gpu}" if gpu is not None else "machine"
    show_detail(f"waiting for a {machine}")
    deadline = time.monotonic() + _SCHEDULE
    for pause in (*_PAUSES, None):
        try:
            left = max(deadline - time.monotonic(), 0.0)
            return within_unless_given_up(left, make, end)
        except exception.ResourceExhaustedError:
            if pause is None:
                raise
            show_detail(f"Modal has no machine; asking again in {pause:g} s")
            time.sleep(pause)
        except TimeoutError:
            break
    raise CapacityError(
        f"Modal had no {machine} for the sandbox within {_SCHEDULE:.0f} s",
        hint=MORE,
    )
