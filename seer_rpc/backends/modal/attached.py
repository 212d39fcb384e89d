"""Sandboxes on Modal that another process started."""

from __future__ import annotations

import time
import weakref

import modal

from seer_rpc.backends.modal.creation import end_what_runs, find
from seer_rpc.backends.modal.machine import ModalMachine
from seer_rpc.backends.modal.observation import EXPIRED, Observation
from seer_rpc.backends.modal.problems import translated
from seer_rpc.backends.protocol import Isolation, NetworkAccess
from seer_rpc.errors import (
    BackendError,
    SandboxExpiredError,
    SandboxLostError,
    SandboxStartError,
)
from seer_rpc.registry import SandboxRecord, forget, is_running
from seer_rpc.waiting import wait_until

_SLACK = 300.0
"""Seconds beyond its time after which a sandbox has ended, whatever this machine's clock says."""

_KNOWN = 10.0
"""Seconds in which the owner of a sandbox hears of its end."""


class AttachedMachine(ModalMachine):
    """A sandbox that runs on when this process ends."""

    def __init__(self, record: SandboxRecord, sandbox: modal.Sandbox) -> None:
        """Use what is written down of it."""
        assert record.network is not None
        observation = Observation(sandbox, record.id)
        super().__init__(
            record.id,
            record.name,
            sandbox,
            NetworkAccess(**record.network),
            Isolation(**record.isolation),
            observation,
            None,
        )
        self._record = record
        # Whoever forgets it leaves it, too, on whatever thread that is noticed.
        weakref.finalize(self, observation.let_go).atexit = False

    def stop(self) -> None:
        """Have Modal end it, and remove what is here of it, unless its owner lives and asks.

        Raises:
            SandboxError: Modal does not say that it has ended it.
        """
        super().stop()
        if self._record.is_detached or not self._record.owner.is_alive:
            forget(self.id)
        else:
            # It is to know, too.
            wait_until(lambda: not is_running(self._record), _KNOWN)


def attach_machine(record: SandboxRecord) -> AttachedMachine:
    """Give a running sandbox.

    Raises:
        SandboxLostError: it has ended.
    """
    sandbox = find(record.id)
    with translated():
        code = sandbox.poll() if sandbox is not None else None
    if sandbox is None or code is not None:
        lost = SandboxExpiredError if code == EXPIRED else SandboxLostError
        raise lost(f"sandbox {record.name} has ended", hint="start another one", exit_code=code)
    return AttachedMachine(record, sandbox)


def runs(record: SandboxRecord) -> bool:
    """Tell whether it runs; where Modal cannot be asked, whether it may."""
    if _is_over(record):
        return False
    try:
        with translated():
            sandbox = find(record.id)
            return sandbox is not None and sandbox.poll() is None
    except (BackendError, SandboxStartError):
        return True


def discard_machine(record: SandboxRecord) -> None:
    """End what is left of a sandbox whose owner is gone, and remove what is here of it.

    Raises:
        BackendError: Modal cannot be asked to end it; it stays written down.
    """
    if not _is_over(record):
        try:
            end_what_runs(record.id)
        except SandboxStartError as error:
            raise BackendError(f"sandbox {record.name} may still run: {error.message}") from error
    forget(record.id)


def _is_over(record: SandboxRecord) -> bool:
    return time.time() - record.started.timestamp() > record.timeout + _SLACK
