"""Plain values that MessagePack has no word for: what each is taken apart into, and built from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.errors import UncrossableError
from seer_runtime.wire.media import Media


def _zone_key(zone: tzinfo | None) -> str | None:
    if zone is None or isinstance(zone, timezone) or is_instance(zone, "pydantic_core", "TzInfo"):
        return None
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    raise UncrossableError(f"its time zone is a {type(zone).__qualname__}; use zoneinfo.ZoneInfo")


def _clock_parts(tag: str, value: datetime | time) -> list[Any]:
    zone = _zone_key(value.tzinfo)
    bare = value.replace(tzinfo=None) if zone else value
    return [tag, bare.isoformat(), zone, value.fold]


def _datetime(text: str, zone: str | None, fold: int) -> datetime:
    value = datetime.fromisoformat(text).replace(fold=fold)
    return value.replace(tzinfo=ZoneInfo(zone)) if zone else value


def _time(text: str, zone: str | None, fold: int) -> time:
    value = time.fromisoformat(text).replace(fold=fold)
    return value.replace(tzinfo=ZoneInfo(zone)) if zone else value


def _int_bytes(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


class JsonArguments(NamedTuple):
    """The arguments of a call by name, as JSON: the worker builds what the function takes.

    Given as the only argument.
    """

    text: str


TAKE_APART: dict[type, Callable[[Any], list[Any]]] = {
    tuple: lambda value: ["tuple", *value],
    set: lambda value: ["set", *value],
    frozenset: lambda value: ["frozenset", *value],
    # Only integers beyond 64 bits come here.
    int: lambda value: ["int", _int_bytes(value)],
    complex: lambda value: ["complex", value.real, value.imag],
    datetime: lambda value: _clock_parts("datetime", value),
    time: lambda value: _clock_parts("time", value),
    date: lambda value: ["date", value.isoformat()],
    timedelta: lambda value: ["timedelta", value.days, value.seconds, value.microseconds],
    Decimal: lambda value: ["decimal", str(value)],
    UUID: lambda value: ["uuid", value.bytes],
    range: lambda value: ["range", value.start, value.stop, value.step],
    JsonArguments: lambda value: ["json", value.text],
    Media: lambda value: ["media", value.data, value.mime],
}

BUILD: dict[str, Callable[..., Any]] = {
    "tuple": lambda *parts: parts,
    "set": lambda *parts: set(parts),
    "frozenset": lambda *parts: frozenset(parts),
    "int": lambda content: int.from_bytes(content, "little", signed=True),
    "complex": complex,
    "datetime": _datetime,
    "time": _time,
    "date": date.fromisoformat,
    "timedelta": timedelta,
    "decimal": Decimal,
    "uuid": lambda content: UUID(bytes=content),
    "range": range,
    "path": Path,
    "json": JsonArguments,
    "media": Media,
}


def take_apart(value: object) -> list[Any] | None:
    """Give a tag and the parts of a plain value; None where it is not exactly one."""
    parts = TAKE_APART.get(type(value))
    return parts(value) if parts is not None else None


def take_subclass_apart(value: object) -> list[Any] | None:
    """Give what `take_apart` would give for the plain value that a subclass's instance is."""
    if isinstance(value, PurePath):
        return ["path", str(value)]
    parts = next((TAKE_APART[base] for base in type(value).__mro__ if base in TAKE_APART), None)
    return parts(value) if parts is not None else None
