"""Encoded arguments as people read them: nothing of the user's is built for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgpack

from seer_rpc.sizes import show_size
from seer_runtime.wire.abridgement import ABRIDGED
from seer_runtime.wire.entries import Entry
from seer_runtime.wire.plain import BUILD
from seer_runtime.wire.records import Record

_MARK = msgpack.ExtType(1, b"")


def show_arguments(entry: Entry) -> str:
    """Give a call's arguments as they would stand between the parentheses."""
    if entry.body is None:
        return "..."
    try:
        args, kwargs = _Reader(entry.sizes).read(entry.body)
        shown = [repr(value) for value in args]
        return ", ".join(shown + [f"{name}={value!r}" for name, value in kwargs.items()])
    # Interfaces run with the rights to write anything.
    except Exception:  # noqa: BLE001
        return "..."


class _Shown:
    """Something that is not there itself, in words."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Reader:
    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes

    def read(self, body: Any) -> Any:
        return msgpack.unpackb(
            body,
            list_hook=self._list,
            ext_hook=_extension,
            strict_map_key=False,
            unicode_errors="surrogatepass",
        )

    def _list(self, items: list[Any]) -> Any:
        if not items or items[0] is not _MARK:
            return items
        _, tag, *parts = items
        build = BUILD.get(tag) or _SHOW.get(tag)
        if build is not None:
            return build(*parts)
        *what, index = parts
        size = show_size(self._sizes[index])
        if tag == "body":
            return [[_Shown(f"<{size}>")], {}]
        if tag == "bytes":
            return _Shown(f"<bytes, {size}>")
        dtype, shape = what
        return _Shown(f"<{tag} {dtype} {shape}, {size}>")


_SHOW: dict[str, Callable[..., Any]] = {
    "record": Record,
    "enum": lambda name, member, value: _Shown(f"{name}.{member or value}"),
    "scalar": lambda dtype, content: _Shown(f"<scalar {dtype}, {show_size(len(content))}>"),
}


def _extension(code: int, data: bytes) -> object:
    if code != ABRIDGED:
        return _MARK
    size, digest, beginning = msgpack.unpackb(data)
    words = [f"{beginning!r}..."] if beginning else []
    words.append(show_size(size))
    if digest:
        words.append(f"sha256 {digest.hex()}")
    return _Shown(f"<{', '.join(words)}>")
