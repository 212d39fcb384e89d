"""The three ways from a client to a worker."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session, direct
from seer_rpc.client.links.door import DoorLink
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_runtime.wire.ledger import Ledger

DIRECT, DOOR, GRPC = WAYS = ("direct", "door", "grpc")

NETWORKED = SandboxConfig(listen="127.0.0.1:0", tls="off")


def open_session(sandbox: ScopedSandbox, name: str, way: str, /, **options: Any) -> Session:
    """Open a session with an interface, and see to it that its calls go this way."""
    if way == GRPC:
        session = Session(sandbox.network_connection(name), **options)
        assert not isinstance(session._relay._link, DoorLink)
        return session
    if way == DIRECT:
        with pytest.MonkeyPatch.context() as patch:
            # A worker that is kept from the processor for a moment is not to make it another way.
            patch.setattr(direct, "_PATIENCE", 30.0)
            session = Session(sandbox.connection(name), **options)
            deadline = time.monotonic() + 60
            while session._direct is None:
                # The worker may be loading anew.
                assert time.monotonic() < deadline
                time.sleep(0.01)
        return session
    with hidden_doors(sandbox, name):
        session = Session(sandbox.connection(name), **options)
    assert isinstance(session._relay._link, DoorLink)
    assert session._direct is None
    return session


@contextlib.contextmanager
def hidden_doors(sandbox: ScopedSandbox, name: str) -> Iterator[list[Path]]:
    """Hide the workers' own sockets."""
    folder = Path(sandbox.connection(name).endpoint.removeprefix("unix:")).parent
    deadline = time.monotonic() + 60
    while not (doors := sorted(folder.glob("w*.sock"))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for each in doors:
        each.rename(each.with_suffix(".hidden"))
    try:
        yield doors
    finally:
        for each in doors:
            each.with_suffix(".hidden").rename(each)


def running(session: Session) -> int:
    """Give how many calls of a session on this host have begun and not ended."""
    try:
        return len(list(Ledger.read(session._relay.ledger).running(session.id)))
    except OSError:
        # It has not heard of it yet.
        return 0


def await_running(session: Session, count: int = 1) -> None:
    """Wait until so many calls of it run."""
    deadline = time.monotonic() + 60
    while running(session) < count:
        assert time.monotonic() < deadline, "the call does not begin"
        time.sleep(0.005)


def held(pid: int) -> dict[str, int]:
    """Give what a process holds: descriptors, threads, shared blocks, kilobytes of its own."""
    descriptors = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            descriptors.append(os.readlink(each))
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {
        "descriptors": len(descriptors),
        "threads": int(fields["Threads"]),
        "blocks": sum("memfd:seer-block" in each for each in descriptors),
        "mapped": maps.count("memfd:seer-block"),
        "memory": int(fields["RssAnon"].split()[0]),
    }


def peak(pid: int) -> int:
    """Give the most memory that a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) << 10
