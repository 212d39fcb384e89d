"""Names that a sandbox recognises when it is asked for them, and cannot tell."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Self

_SEALED = re.compile(r"hidden:(\w+):([0-9a-f]{32}):([0-9a-f]{64}):([0-9a-f]{64})")

# Names are few enough to be tried one by one: each trial is to cost some 50 ms.
_COST = {"n": 1 << 14, "r": 8, "p": 1}


def seal(name: str, alias: str) -> str:
    """Give what stands for a name, a revision after `@` included; `alias` may be known."""
    salt = secrets.token_bytes(16)
    digests = (_digest(each, salt).hex() for each in (name, name.partition("@")[0]))
    return ":".join(["hidden", alias, salt.hex(), *digests])


@dataclass(frozen=True)
class SealedName:
    """What stands for a name."""

    alias: str
    salt: bytes
    digests: tuple[bytes, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `seal` gave; None where it is something else, a plain name."""
        found = _SEALED.fullmatch(text)
        if found is None:
            return None
        alias, salt, *digests = found.groups()
        return cls(alias, bytes.fromhex(salt), tuple(map(bytes.fromhex, digests)))

    def stands_for(self, name: str) -> bool:
        """Tell whether that is the name, with its revision or without it, or the alias."""
        if name == self.alias:
            return True
        digest = _digest(name, self.salt)
        return any(hmac.compare_digest(digest, each) for each in self.digests)


def _digest(name: str, salt: bytes) -> bytes:
    return hashlib.scrypt(name.encode(), salt=salt, dklen=32, **_COST)
