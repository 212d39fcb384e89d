"""What can go wrong between values and bytes."""

from __future__ import annotations


class EncodeError(TypeError):
    """A value that cannot cross the wire: an unexpected type, for the caller to change."""

    def __init__(self, path: str, type_name: str, reason: str) -> None:
        """Say where the value was found inside the whole, and what it is."""
        self.path = path
        self.type_name = type_name
        self.reason = reason
        super().__init__(f"{path} is a {type_name}: {reason}")


class DecodeError(ValueError):
    """Bytes that are no value of this protocol: a bug, or a hostile peer."""


class UncrossableError(Exception):
    """Raised while MessagePack packs, where no path is known; becomes an EncodeError."""
