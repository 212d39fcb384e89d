"""What the front tells a client of an interface when a session opens, and after a restart."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgpack

from seer_runtime.wire.claims import check_claims
from seer_runtime.wire.errors import DecodeError
from seer_runtime.wire.frames import Buffer


class Opening(NamedTuple):
    """The body of an OPENED or INVITATION frame."""

    idempotent: Sequence[str] = ()
    """Functions whose calls may be sent again after they were cut off."""

    socket: str = ""
    """The worker's own socket, beside the front's on this host; empty where the client is on
    another one."""

    proof: bytes = b""
    """What the worker wants to see there."""

    ledger: str = ""
    """The file there that says which calls the worker has begun."""

    last: int = 0
    """The highest number that a call of the session has had."""

    pending: Sequence[tuple[int, str]] = ()
    """Number and function of calls whose answers no client has acknowledged."""

    def encode(self) -> bytes:
        """Give the body."""
        packed: bytes = msgpack.packb([list(self.idempotent), *self[1:]])
        return packed

    @classmethod
    def decode(cls, body: Buffer) -> Self:
        """Read a body.

        Raises:
            DecodeError: it is none.
        """
        try:
            check_claims(body)
            match msgpack.unpackb(body):
                case [
                    list(names),
                    str(socket),
                    bytes(proof),
                    str(ledger),
                    int(last),
                    list(pending),
                ]:
                    calls = [(int(seq), str(name)) for seq, name in pending]
                    if "/" in socket + ledger:
                        raise DecodeError("files that are not beside the front's socket")
                    return cls([str(name) for name in names], socket, proof, ledger, last, calls)
        except Exception as error:
            raise DecodeError(f"no opening: {error}") from error
        raise DecodeError("no opening")


def proof_of(secret: bytes, session: bytes) -> bytes:
    """Give what shows that the front, which shares `secret` with the worker, let a session in."""
    return hmac.digest(secret, session, hashlib.sha256)
