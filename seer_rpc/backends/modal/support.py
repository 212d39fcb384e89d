"""What a sandbox on Modal cannot have, said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seer_rpc.backends.protocol import MachineSpec
from seer_rpc.errors import BackendError

LONGEST = 24 * 3600.0
"""Seconds that Modal runs a sandbox at most."""


class _Lack(NamedTuple):
    what: str
    hint: str


def check_support(spec: MachineSpec) -> None:
    """Refuse what is asked for and cannot be.

    Raises:
        BackendError: there is something; the message says what.
    """
    for lack in _lacks(spec):
        raise BackendError(f"a sandbox on Modal {lack.what}", hint=lack.hint)


def _lacks(spec: MachineSpec) -> Iterator[_Lack]:
    here = "leave it out, or set SEER_BACKEND=local to use this machine"
    if spec.lifetime > LONGEST:
        yield _Lack(
            f"lives for 24 h at most, and timeout={spec.lifetime:g} s is more",
            f"write timeout={LONGEST:.0f}; a snapshot of it can start another one",
        )
    if spec.snapshot is not None and not spec.snapshot.image:
        yield _Lack("cannot start from a snapshot of another backend's", "use that backend")
    if spec.isolation != "auto":
        yield _Lack(
            "is a machine of its own: isolation= says what keeps sandboxes on this one apart",
            "leave isolation= out",
        )
    if spec.blocks_network:
        yield _Lack("is reached over the network, so it cannot have block_network=True", here)
    if spec.listening is not None:
        yield _Lack(
            "is reached from everywhere through its own address, and has no use for listen=",
            "leave listen=, tls= and advertise= out",
        )
    if spec.limits.disk is not None or spec.limits.processes is not None:
        yield _Lack(
            "has Modal's own limits of disk and processes: it cannot have disk= or processes=",
            "leave them out",
        )
    if spec.programs:
        yield _Lack("cannot have debug=True in this version", here)
