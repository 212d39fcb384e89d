"""Sandboxes on Modal of which this machine may know nothing: found by tag and name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import modal
from modal import exception

from seer_rpc.backends.modal.creation import end_found, find
from seer_rpc.backends.modal.deadlines import asked
from seer_rpc.backends.modal.definition import APP, TAG
from seer_rpc.backends.modal.problems import translated
from seer_rpc.errors import SandboxError


def tagged() -> list[str]:
    """Give the ids of sandboxes that run; of those without a GPU Modal may list none.

    Raises:
        BackendError: Modal does not take the credentials.
        SandboxStartError: it does not answer.
    """
    with translated():
        return asked(lambda: list(_tagged()))


def _tagged() -> Iterator[str]:
    with contextlib.suppress(exception.NotFoundError):
        app = modal.App.lookup(APP)
        for sandbox in modal.Sandbox.list(app_id=app.app_id):
            # It may end while it is looked at.
            with contextlib.suppress(exception.NotFoundError, exception.ConflictError):
                tags = sandbox.get_tags()
                if TAG in tags:
                    yield tags[TAG]


def end(sandbox_id: str) -> None:
    """End a sandbox, with GPUs or without.

    Raises:
        SandboxError: there is none of that id that runs.
        BackendError: Modal does not take the credentials.
        SandboxStartError: it does not answer.
    """
    sandbox = find(sandbox_id)
    with translated():
        if sandbox is None or asked(sandbox.poll) is not None:
            raise SandboxError(
                f"no sandbox {sandbox_id!r} runs on Modal", hint="`seer ps --modal` lists those"
            )
    end_found(sandbox)
