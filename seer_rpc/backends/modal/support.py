"""What a sandbox on Modal cannot have, said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from seer_rpc.backends.lacks import Lack, refuse_any
from seer_rpc.backends.listening import Listening
from seer_rpc.backends.protocol import MachineSpec

LONGEST = 24 * 3600.0
"""Seconds that Modal runs a sandbox at most."""


def check_support(spec: MachineSpec) -> None:
    """Refuse what is asked for and cannot be.

    Raises:
        BackendError: there is something; the message says what.
    """
    refuse_any("on Modal", _lacks(spec))


def _lacks(spec: MachineSpec) -> Iterator[Lack]:
    here = "leave it out, or set SEER_BACKEND=local to use this machine"
    if spec.lifetime > LONGEST:
        yield Lack(
            f"lives for 24 h at most, and timeout={spec.lifetime:g} s is more",
            f"write timeout={LONGEST:.0f}; a snapshot of it can start another one",
        )
    if spec.snapshot is not None and not spec.snapshot.image:
        yield Lack("cannot start from a snapshot of another backend's", "use that backend")
    if spec.isolation != "auto":
        yield Lack(
            "is a machine of its own: isolation= says what keeps sandboxes on this one apart",
            "leave isolation= out",
        )
    if spec.listening is not None:
        yield from _lacks_of_port(spec.listening)
    if spec.listening is not None and spec.allowed:
        yield Lack(
            "with listen= takes connections from everywhere, and cannot have allow_from=: Modal's "
            "relay looks at what it reads alone",
            "leave one of them out: with listen=, certificates keep strangers out",
        )
    if spec.limits.disk is not None or spec.limits.processes is not None:
        yield Lack(
            "has Modal's own limits of disk and processes: it cannot have disk= or processes=",
            "leave them out",
        )
    if spec.programs:
        yield Lack("cannot have debug=True in this version", here)


def _lacks_of_port(listening: Listening) -> Iterator[Lack]:
    if not listening.address.is_wildcard:
        yield Lack(
            f"listens where Modal's relay finds it, and not at {listening.address.host}",
            f'write listen="0.0.0.0:{listening.address.port}"',
        )
    if listening.is_advertised:
        yield Lack(
            "is reached at the address that Modal gives it, and not at that of advertise=",
            "leave advertise= out",
        )
