"""Sandboxes on Modal. Nothing else imports its client, and this no sooner than it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seer_rpc.backends.modal.client import check_client
from seer_rpc.backends.modal.support import check_support
from seer_rpc.backends.protocol import MachineSpec

if TYPE_CHECKING:
    from seer_rpc.backends.modal.machine import ModalMachine

__all__ = ["start"]


def start(spec: MachineSpec) -> ModalMachine:
    """Start a machine and wait until its runtime answers.

    Raises:
        BackendCredentialsError: there are no credentials, or Modal does not take them.
        BackendVersionError: the client is not installed, or in a version that is not supported.
        BackendError: the sandbox is to have what there is not on Modal.
        PackageInstallError: the image cannot be built.
        CapacityError: there was no machine in time.
        SandboxStartError: it does not answer.
    """
    check_support(spec)
    check_client()
    from seer_rpc.backends.modal.starting import start_machine

    return start_machine(spec)
