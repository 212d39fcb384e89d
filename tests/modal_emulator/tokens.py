"""Ids, and tokens that expire: JWTs with a signature of this emulator."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import string
import time

_LETTERS = string.digits + string.ascii_letters
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(prefix: str) -> str:
    """Make an id of the usual kind."""
    return f"{prefix}-{''.join(secrets.choice(_LETTERS) for _ in range(22))}"


def new_ulid(prefix: str) -> str:
    """Make an id of the kind that V2 sandboxes and all tasks have."""
    return f"{prefix}-{''.join(secrets.choice(_ULID) for _ in range(26))}"


class Tokens:
    """Makes tokens and knows them again."""

    def __init__(self) -> None:
        """Choose a key."""
        self._key = secrets.token_bytes(32)

    def issue(self, subject: str, lifetime: float) -> str:
        """Make a token that is good for `lifetime` seconds."""
        claims = {"sub": subject, "exp": int(time.time() + lifetime)}
        signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{signed}.{self._sign(signed)}"

    def is_good(self, token: str) -> bool:
        """Tell whether it was made here and has not expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(signed), signature):
            return False
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        return bool(claims["exp"] > time.time())

    def _sign(self, text: str) -> str:
        return _base64(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _encode(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
