"""A string that nothing has by chance: it is in every name, and looked for in every form."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping

# Digits alone: they are the same in capitals, in URLs and in the names of folders.
CORE = "".join(secrets.choice("123456789") for _ in range(14))


def needles(core: str = CORE) -> Mapping[str, bytes]:
    """Give what the string looks like in each form."""
    return dict(_needles(core.encode()))


def _needles(core: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", core
    yield "backwards", core[::-1]
    yield "utf-16", core.decode().encode("utf-16-le")
    yield "utf-32", core.decode().encode("utf-32-le")
    yield "hex", core.hex().encode()
    for shift in range(3):
        code = base64.b64encode(bytes(shift) + core)
        yield f"base64 at {shift}", code[(0, 2, 3)[shift] : (len(core) + shift) // 3 * 4]


_NEEDLES = needles()


def found_in(content: bytes | str) -> list[str]:
    """Tell in which forms it is there."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return [form for form, needle in _NEEDLES.items() if needle in data]
