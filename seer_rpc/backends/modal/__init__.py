"""Sandboxes on Modal. Nothing else imports its client, and this no sooner than it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seer_rpc.backends.modal.client import check_client
from seer_rpc.backends.modal.support import check_support
from seer_rpc.backends.models import FoundModel, ModelSource
from seer_rpc.backends.protocol import MachineSpec
from seer_rpc.errors import BackendError
from seer_rpc.registry import SandboxRecord
from seer_rpc.snapshots import Snapshot

if TYPE_CHECKING:
    from seer_rpc.backends.modal.attached import AttachedMachine
    from seer_rpc.backends.modal.machine import ModalMachine

__all__ = [
    "attach",
    "check",
    "discard",
    "drop_snapshot",
    "end_elsewhere",
    "find_model",
    "is_running",
    "kept_secrets",
    "memory",
    "start",
    "tagged",
]


def check(spec: MachineSpec) -> None:
    """Refuse what Modal cannot run, or not from here.

    Raises:
        BackendCredentialsError: there are no credentials.
        BackendVersionError: the client is not installed, or in a version that is not supported.
        BackendError: the sandbox is to have what there is not on Modal.
    """
    check_support(spec)
    check_client()


def kept_secrets(names: Sequence[str]) -> Mapping[str, str]:
    """Give those of the names that Modal has a secret for, and what that is called there.

    Raises:
        BackendError: Modal cannot be used from here.
        SandboxStartError: it does not answer.
    """
    check_client()
    from seer_rpc.backends.modal.secrets import find_secrets

    return find_secrets(names)


def find_model(source: ModelSource, secrets: Mapping[str, str]) -> FoundModel:
    """Have a model in a volume of its own, fetched or sent there where it is not yet.

    Raises:
        ModelNotFoundError: it is not to be had.
        ModelFetchError: it does not arrive there.
        SandboxStartError: Modal does not answer, or has no machine to fetch it.
    """
    check_client()
    from seer_rpc.backends.modal.models import bring

    return bring(source, secrets)


def start(spec: MachineSpec) -> ModalMachine:
    """Start a machine and wait until its runtime answers.

    Raises:
        BackendCredentialsError: Modal does not take the credentials.
        BackendError: Modal runs no such sandbox.
        PackageInstallError: the image cannot be built.
        CapacityError: there was no machine in time.
        SandboxStartError: it does not answer.
    """
    from seer_rpc.backends.modal.starting import start_machine

    return start_machine(spec)


def attach(record: SandboxRecord) -> AttachedMachine:
    """Give a machine that another process started.

    Raises:
        SandboxLostError: it has ended.
        BackendError: Modal cannot be used from here.
    """
    check_client()
    from seer_rpc.backends.modal.attached import attach_machine

    return attach_machine(record)


def is_running(record: SandboxRecord) -> bool:
    """Tell whether a machine runs; where Modal cannot be asked, whether it may."""
    try:
        check_client()
    except BackendError:
        return True
    from seer_rpc.backends.modal.attached import runs

    return runs(record)


def memory(_: SandboxRecord) -> None:
    """Give nothing: nobody on this machine knows."""


def discard(record: SandboxRecord) -> None:
    """End what is left of a machine whose owner is gone, and remove what is here of it.

    Raises:
        BackendError: Modal cannot be asked to end it.
    """
    check_client()
    from seer_rpc.backends.modal.attached import discard_machine

    discard_machine(record)


def drop_snapshot(snapshot: Snapshot) -> None:
    """Have Modal delete the image that it keeps a snapshot as.

    Raises:
        BackendError: Modal cannot be asked to, or does not.
    """
    check_client()
    from seer_rpc.backends.modal.snapshots import delete

    delete(snapshot.image)


def tagged() -> list[str]:
    """Give the ids of sandboxes that run there, whichever machine started them.

    Of those without a GPU Modal may list none.

    Raises:
        BackendError: Modal cannot be asked.
        SandboxStartError: it does not answer.
    """
    check_client()
    from seer_rpc.backends.modal.elsewhere import tagged

    return tagged()


def end_elsewhere(sandbox_id: str) -> None:
    """End a sandbox of which nothing is written down here.

    Raises:
        SandboxError: there is none of that id that runs.
        BackendError: Modal cannot be asked.
        SandboxStartError: it does not answer.
    """
    check_client()
    from seer_rpc.backends.modal.elsewhere import end

    end(sandbox_id)
