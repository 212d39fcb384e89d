"""Values as JSON that says as much of them as JSON can."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, TypeAlias

from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.handles import Handle
from seer_runtime.wire.media import Media, is_picture, picture_content
from seer_runtime.wire.records import Member, fields_of, member_word

ShowArray: TypeAlias = Callable[[Any], Any]
"""Gives what stands for an array or a tensor."""

ShowBytes: TypeAlias = Callable[[bytes], Any]
"""Gives what stands for bytes."""


def as_base64(content: bytes) -> str:
    """Give bytes as text."""
    return base64.b64encode(content).decode()


def to_json(value: Any, show_array: ShowArray, show_bytes: ShowBytes = as_base64) -> Any:
    """Give `value` as plain lists, dictionaries, texts and numbers.

    Numbers that JSON has no word for are the texts "NaN", "Infinity" and "-Infinity", as pydantic
    reads them. Bytes are base64. Instances of classes are objects of their fields, members of
    enums their values (their names, where the values are not plain), handles of what stayed in the
    sandbox objects with its number, and what has no other word is its own text.

    Keys are texts. Of those that would be the same text one keeps it, a text before others, and the
    rest have their types behind it: `{1: "a", "1": "b"}` is `{"1 (int)": "a", "1": "b"}`.
    """

    def shown(each: Any) -> Any:
        return to_json(each, show_array, show_bytes)

    match value:
        case None | bool() | str() if not isinstance(value, Enum):
            return value
        case Enum() | Member():
            return shown(member_word(value))
        case int():
            return _integer(int(value))
        case float():
            return value if math.isfinite(value) else _word(value)
        case list() | set() | frozenset() | range():
            return [shown(each) for each in value]
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return show_bytes(bytes(value))
    return _composed(value, shown, show_array)


def _composed(value: Any, shown: Callable[[Any], Any], show_array: ShowArray) -> Any:
    if is_instance(value, "torch", "Tensor") or is_instance(value, "numpy", "ndarray"):
        return show_array(value)
    if is_instance(value, "numpy", "generic"):
        return shown(value.item())
    if is_picture(value):
        return shown(picture_content(value))
    if isinstance(value, Media):
        return {"data": shown(value.data), "mime": value.mime}
    handle = getattr(value, "handle", None)
    if isinstance(handle, Handle):
        return _reference(handle)
    fields = fields_of(value)
    if fields is not None:
        return {name: shown(each) for name, each in fields.items()}
    if isinstance(value, Mapping):
        return dict(zip(_names(value), map(shown, value.values()), strict=True))
    if isinstance(value, tuple):
        return [shown(each) for each in value]
    return str(value)


def _reference(handle: Handle) -> dict[str, Any]:
    """Give a handle by its number, as functions take it, and what is known of the value."""
    known: dict[str, Any] = {"reference": handle.number, "type": handle.type_name}
    if handle.shape is not None:
        known |= {"dtype": handle.dtype, "shape": list(handle.shape), "device": handle.device}
    return known


def _integer(number: int) -> int | str:
    """Give a number; its hexadecimal digits where Python writes no decimal ones of so many."""
    try:
        str(number)
    except ValueError:
        return hex(number)
    return number


def _word(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _names(keys: Iterable[Any]) -> Iterator[str]:
    """Give a text for each key, none of them twice."""
    keys = list(keys)
    taken = {key for key in keys if isinstance(key, str)}
    tried: Counter[str] = Counter()
    for key in keys:
        name = key if isinstance(key, str) else _free_name(key, taken, tried)
        taken.add(name)
        yield name


def _free_name(key: Any, taken: Collection[str], tried: Counter[str]) -> str:
    plain = to_json(key, str)
    name = text = plain if isinstance(plain, str) else str(plain)
    typed = f"{text} ({type(key).__name__}"
    while name in taken:
        # Where the one before it stopped: there may be very many of one text.
        tried[typed] += 1
        name = f"{typed})" if tried[typed] == 1 else f"{typed} {tried[typed]})"
    return name
