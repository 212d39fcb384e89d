"""Having Modal make a sandbox; one that cannot be used is not left behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import modal
from modal import exception

from seer_rpc.backends.modal.deadlines import within
from seer_rpc.backends.modal.definition import TAG, command, gpu, options
from seer_rpc.backends.modal.images import make_image
from seer_rpc.backends.modal.problems import MORE, translated
from seer_rpc.backends.protocol import MachineSpec
from seer_rpc.errors import CapacityError, SandboxStartError
from seer_rpc.progress import show_detail

T = TypeVar("T")

_APP = "seer-rpc"
_ANSWER = 60.0
"""Seconds in which Modal answers what takes it no time."""

_BUILD = 3600.0
_SCHEDULE = 900.0
"""Seconds in which there is a machine."""

_PAUSES = (1.0, 4.0, 10.0)
"""Seconds before a sandbox is asked for once more, where there was no machine."""


def create(spec: MachineSpec) -> modal.Sandbox:
    """Create a sandbox, which runs but may not be ready.

    Raises:
        PackageInstallError: its image cannot be built.
        CapacityError: there is no machine for it.
        BackendError: Modal runs no such sandbox.
        SandboxStartError: Modal does not answer.
    """
    with translated():
        app = find_app()
        image = _build(spec, app)
        try:
            return _schedule(spec, app, image)
        except BaseException:
            end_tagged(spec.sandbox_id)
            raise


def find_app() -> modal.App:
    """Give the app to which all sandboxes belong."""
    return _asked(partial(modal.App.lookup, _APP, create_if_missing=True))


def tagged(sandbox_id: str) -> list[modal.Sandbox]:
    """Give what runs on Modal under that id; of this user's as of everybody else of the workspace.

    Raises:
        SandboxStartError: Modal does not answer.
    """
    find = partial(modal.Sandbox.list, app_id=find_app().app_id, tags={TAG: sandbox_id})
    return _asked(lambda: list(find()))


def end_tagged(sandbox_id: str) -> None:
    """End what runs on Modal under that id, as far as Modal answers."""
    with contextlib.suppress(exception.Error, SandboxStartError):
        for sandbox in tagged(sandbox_id):
            end(sandbox)


def end(sandbox: modal.Sandbox) -> None:
    """End a sandbox; Modal is not waited for."""
    with contextlib.suppress(exception.Error, TimeoutError):
        within(_ANSWER, sandbox.terminate)


def _build(spec: MachineSpec, app: modal.App) -> modal.Image:
    show_detail("Modal builds the image, where it does not have it")
    try:
        return within(_BUILD, partial(make_image(spec).build, app))
    except TimeoutError:
        raise SandboxStartError(f"the image was not built within {_BUILD:.0f} s") from None


def _schedule(spec: MachineSpec, app: modal.App, image: modal.Image) -> modal.Sandbox:
    show_detail(f"waiting for a machine with {gpu(spec)}" if spec.gpu else "waiting for a machine")
    create_one = partial(modal.Sandbox.create, *command(), app=app, image=image, **options(spec))
    deadline = time.monotonic() + _SCHEDULE
    for pause in (*_PAUSES, None):
        try:
            return within(max(deadline - time.monotonic(), 0.0), create_one, end)
        except exception.ResourceExhaustedError:
            if pause is None:
                raise
            show_detail(f"Modal has no machine; asking again in {pause:g} s")
            time.sleep(pause)
        except TimeoutError:
            break
    raise CapacityError(
        f"Modal had no machine{f' with {gpu(spec)}' if spec.gpu else ''} for the sandbox within "
        f"{_SCHEDULE:.0f} s",
        hint=MORE,
    )


def _asked(task: Callable[[], T]) -> T:
    try:
        return within(_ANSWER, task)
    except TimeoutError:
        raise SandboxStartError(f"Modal does not answer within {_ANSWER:.0f} s") from None
