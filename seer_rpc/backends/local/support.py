"""What a sandbox on this machine cannot have, said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from seer_rpc.backends.lacks import Lack, refuse_any
from seer_rpc.backends.protocol import MachineSpec

_THERE = "leave it out, or set SEER_BACKEND=modal"


def check_support(spec: MachineSpec) -> None:
    """Refuse what is asked for and cannot be.

    Raises:
        BackendError: there is something; the message says what.
    """
    refuse_any("on this machine", _lacks(spec))


def _lacks(spec: MachineSpec) -> Iterator[Lack]:
    if spec.image is not None:
        yield Lack(f"has this machine's own system, and cannot have image={spec.image!r}", _THERE)
    if spec.region is not None:
        yield Lack(f"is where this machine is, and not in region={spec.region!r}", _THERE)
    if spec.has_docker:
        yield Lack(
            "has no Docker in it, and cannot have docker=True",
            "leave it out: start_container() works without, by the Docker of this machine; or set "
            "SEER_BACKEND=modal",
        )
    if spec.allowed and spec.listening is None:
        yield Lack(
            "is reached from this machine alone without listen=, and has no use for allow_from=",
            'give listen="0.0.0.0:8443", or leave allow_from= out',
        )
