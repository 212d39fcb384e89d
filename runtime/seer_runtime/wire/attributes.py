"""The plain attributes of an exception, as they travel with the failure that tells of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import NoneType
from typing import Any

from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError, EncodeError
from seer_runtime.wire.limits import MAX_ATTRIBUTES

_PLAIN = (NoneType, bool, int, float, str, list, dict)
# Asked of the class, an exception's __dict__ is there without running code of the user's.
_ATTRIBUTES = vars(BaseException)["__dict__"]


def pack_attributes(error: BaseException) -> bytes:
    """Give the public attributes that are plain and fit; what cannot cross is left out."""
    codec = Codec()
    packed: dict[str, Any] = {}
    room = MAX_ATTRIBUTES
    for name, value in _public(_ATTRIBUTES.__get__(error)):
        try:
            size = codec.encode([name, value]).size
        except EncodeError:
            continue
        if size <= room:
            room -= size
            packed[name] = value
    return codec.encode(packed).body if packed else b""


def unpack_attributes(content: bytes) -> dict[str, Any]:
    """Give the attributes by name; none where the content is not what `pack_attributes` gives."""
    if not 0 < len(content) <= MAX_ATTRIBUTES:
        return {}
    try:
        attributes = Codec().decode(content)
    except DecodeError:
        return {}
    return dict(_public(attributes)) if type(attributes) is dict else {}


def _public(attributes: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in list(dict.items(attributes)):
        if type(name) is str and not name.startswith("_") and _is_plain(value):
            yield name, value


def _is_plain(value: object) -> bool:
    """Tell whether it is built of plain values alone, and may fit; it may contain itself."""
    pending = [value]
    room = MAX_ATTRIBUTES
    while pending:
        part = pending.pop()
        if type(part) not in _PLAIN:
            return False
        room -= _least_size(part)
        if room < len(pending):
            return False
        if isinstance(part, list):
            pending.extend(itertools.islice(part, room + 1))
        elif isinstance(part, dict):
            pending.extend(itertools.islice(part.keys(), room + 1))
            pending.extend(itertools.islice(part.values(), room + 1))
    return True


def _least_size(part: object) -> int:
    """Give how many bytes the part takes at least, its own parts left out."""
    if isinstance(part, str):
        return 1 + len(part)
    return 1 + part.bit_length() // 8 if isinstance(part, int) else 1
