"""Values to bytes and back, their types kept, without running anything that was received.

Plain values are MessagePack. What MessagePack has no word for is a list that begins with a
mark, `[mark, tag, part, ...]`; no value of a user's can be that mark. Arrays and tensors leave
their memory in segments beside the body. An instance of a subclass of a plain type arrives as
that type; a bytearray or a memoryview arrives as bytes.
"""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from msgpack import ExtType, Packer, packb, unpackb

from seer_runtime.wire.arrays import (
    array_memory,
    build_array,
    build_tensor,
    is_instance,
    scalar_content,
    tensor_memory,
)
from seer_runtime.wire.claims import HARMLESS, check_claims
from seer_runtime.wire.errors import DecodeError, EncodeError, UncrossableError
from seer_runtime.wire.frames import Buffer, Elsewhere, Segment, segment_size
from seer_runtime.wire.limits import MAX_BODY, MAX_SEGMENTS, PACKER_BYTES
from seer_runtime.wire.media import build_picture, is_picture, picture_content
from seer_runtime.wire.names import qualified_name
from seer_runtime.wire.plain import BUILD, take_apart, take_subclass_apart
from seer_runtime.wire.records import (
    Member,
    TypeNames,
    build_enum,
    build_record,
    enum_parts,
    fields_of,
    record_name,
)

_LARGE = 256 << 10
"""Bytes from which text and plain memory cross as arrays do, beside the body."""

_MARK = ExtType(1, b"")
_MARKED: bytes = packb(_MARK)
"""In a body without these bytes there is nothing but what MessagePack has a word for."""

_BASES: tuple[Any, ...] = (dict, list, str, bytes, float)


Refer: TypeAlias = Callable[[Any], Sequence[Any] | None]
Resolve: TypeAlias = Callable[[Sequence[Any]], Any]


class Encoded(NamedTuple):
    """A value on its way: MessagePack, and the memory of its arrays."""

    body: bytes
    segments: Sequence[Segment]

    @property
    def size(self) -> int:
        """Bytes in all."""
        size = len(self.body)
        return size + sum(map(segment_size, self.segments)) if self.segments else size


class Codec:
    """Encodes and decodes values; `types` are the classes that it may build."""

    def __init__(self, types: TypeNames | None = None) -> None:
        """Use `types`, or none but the plain ones."""
        self._types = types or TypeNames()

    def encode(self, value: object, name: str = "the value", refer: Refer | None = None) -> Encoded:
        """Give the bytes of `value`; `name` is what an error calls the whole of it.

        `refer` takes what crosses as a handle alone: it gives the parts of that, or None.

        Raises:
            EncodeError: something inside the value cannot cross.
        """
        encoder = _Encoder(self._types, refer)
        try:
            body = encoder.pack(value)
            if len(body) > _LARGE and (lifted := _lift(value)) is not value:
                encoder = _Encoder(self._types, refer)
                body = encoder.pack(lifted)
        except Exception as error:  # noqa: BLE001 - values run code of their own classes
            raise _locate(value, name, error, partial(_Encoder, self._types, refer)) from None
        if len(body) > MAX_BODY:
            reason = f"it has {len(body)} bytes beside arrays, more than {MAX_BODY}"
            raise EncodeError(name, qualified_name(type(value)), reason)
        return encoder.finish(body)

    def decode(
        self, body: Buffer, segments: Sequence[Segment] = (), resolve: Resolve | None = None
    ) -> Any:
        """Give the value; its arrays are writable and may borrow the segments' memory.

        `resolve` gives what the parts of a handle stand for.

        Raises:
            DecodeError: the bytes are no encoded value.
        """
        try:
            if type(body) is bytes and _MARKED not in body:
                return _unpack(body, None, _no_mark)
            return _Decoder(self._types, segments, resolve).unpack(body)
        except DecodeError:
            raise
        except Exception as error:
            raise DecodeError(f"not a value: {type(error).__name__}: {error}") from error


class _Lifted(NamedTuple):
    """Bytes that cross beside the body: MessagePack would copy them several times."""

    content: bytes


_DEPTH = 4
_BREADTH = 1024


def _lift(value: Any, depth: int = _DEPTH) -> Any:
    """Mark large bytes inside a value; gives the value itself where there are none."""
    kind = type(value)
    if kind is bytes and len(value) > _LARGE:
        return _Lifted(value)
    if not depth or kind not in (list, tuple, dict) or len(value) > _BREADTH:
        return value
    parts = value.values() if kind is dict else value
    lifted = [_lift(part, depth - 1) for part in parts]
    if all(new is old for new, old in zip(lifted, parts, strict=True)):
        return value
    return dict(zip(value, lifted, strict=True)) if kind is dict else kind(lifted)


class _Encoder:
    """One encoding: collects the segments."""

    def __init__(self, types: TypeNames, refer: Refer | None = None) -> None:
        self._types = types
        self._refer = refer
        self.segments: list[Buffer] = []

    def pack(self, value: object) -> bytes:
        packer = Packer(
            default=self._default,
            strict_types=True,
            unicode_errors="surrogatepass",
            buf_size=PACKER_BYTES,
        )
        packed: bytes = packer.pack(value)
        return packed

    def finish(self, body: bytes) -> Encoded:
        """Give what crosses; a large body is a segment, too, and what is left tells of it."""
        if len(body) > _LARGE and len(self.segments) < MAX_SEGMENTS:
            self.segments.append(body)
            body = self.pack([_MARK, "body", len(self.segments) - 1])
        return Encoded(body, self.segments)

    def _default(self, value: Any) -> Any:
        """Say in MessagePack's words what MessagePack has no word for."""
        handle = self._refer(value) if self._refer is not None else None
        if handle is not None:
            return [_MARK, "ref", *handle]
        parts = take_apart(value) or self._object_parts(value) or take_subclass_apart(value)
        if parts is not None:
            return [_MARK, *parts]
        # A subclass of a plain type crosses as that type.
        for base in _BASES:
            if isinstance(value, base):
                return base(value)
        raise UncrossableError(_advice(value))

    def _object_parts(self, value: Any) -> list[Any] | None:
        if type(value) is _Lifted:
            self.segments.append(value.content)
            return ["bytes", len(self.segments) - 1]
        if isinstance(value, Enum | Member):
            return enum_parts(value, self._types)
        if is_instance(value, "torch", "Tensor"):
            return self._memory_parts("tensor", *tensor_memory(value))
        if is_instance(value, "numpy", "ndarray"):
            return self._memory_parts("array", *array_memory(value))
        if is_instance(value, "numpy", "generic"):
            return ["scalar", *scalar_content(value)]
        if is_picture(value):
            return ["picture", picture_content(value)]
        fields = fields_of(value)
        if fields is not None:
            return ["record", record_name(value, self._types), fields]
        return None

    def _memory_parts(self, tag: str, dtype: str, shape: list[int], memory: Buffer) -> list[Any]:
        if len(self.segments) == MAX_SEGMENTS:
            raise UncrossableError(f"there are more than {MAX_SEGMENTS} arrays; stack them")
        self.segments.append(memory)
        return [tag, dtype, shape, len(self.segments) - 1]


class _Decoder:
    """One decoding: hands out the segments."""

    def __init__(
        self, types: TypeNames, segments: Sequence[Segment], resolve: Resolve | None
    ) -> None:
        self._types = types
        self._resolve = resolve
        self._segments = segments
        self._is_outermost = True

    def unpack(self, body: Buffer) -> Any:
        """Give the value of a body. Raises what its parts raise."""
        return _unpack(body, self.list_hook, _read_mark)

    def list_hook(self, items: list[Any]) -> Any:
        """Turn a marked list into what it stands for."""
        if not items or items[0] is not _MARK:
            return items
        _, tag, *parts = items
        build = BUILD.get(tag)
        if build is not None:
            return build(*parts)
        match tag, parts:
            case "record", [str(name), dict(fields)]:
                return build_record(self._types, name, fields)
            case "enum", [str(name), str() | None as member, value]:
                return build_enum(self._types, name, member, value)
            case "tensor", [str(dtype), list(shape), int(index)]:
                return build_tensor(dtype, shape, self._memory(index))
            case "array", [str(dtype), list(shape), int(index)]:
                return build_array(dtype, shape, self._memory(index))
            case "scalar", [str(dtype), bytes(content)]:
                return build_array(dtype, [], content)[()]
        return self._apart(tag, parts)

    def _apart(self, tag: object, parts: list[Any]) -> Any:
        """Give what is not in the body, nor an array."""
        match tag, parts:
            case "picture", [bytes(content)]:
                return build_picture(content)
            case "ref", [int(), *_] if self._resolve is not None:
                return self._resolve(parts)
            case "bytes", [int(index)]:
                return bytes(self._segment(index))
            case "body", [int(index)] if self._is_outermost:
                # Within a body that came as a segment there is no other.
                self._is_outermost = False
                return self.unpack(self._segment(index))
        raise DecodeError(f"unknown tag {tag!r} with {len(parts)} parts")

    def _memory(self, index: int) -> Buffer:
        """Give the memory of a segment, to write to."""
        segment = self._segment(index)
        return bytearray(segment) if segment.readonly else segment

    def _segment(self, index: int) -> memoryview:
        if not 0 <= index < len(self._segments):
            raise DecodeError(f"no segment {index}; there are {len(self._segments)}")
        segment = self._segments[index]
        if isinstance(segment, Elsewhere):
            raise DecodeError(f"the memory of segment {index} did not come")
        return memoryview(segment)


def _unpack(
    body: Buffer,
    list_hook: Callable[[list[Any]], Any] | None,
    ext_hook: Callable[[int, bytes], ExtType],
) -> Any:
    if len(body) > HARMLESS:
        check_claims(body)
    return unpackb(
        body,
        list_hook=list_hook,
        ext_hook=ext_hook,
        strict_map_key=False,
        unicode_errors="surrogatepass",
    )


def _read_mark(code: int, data: bytes) -> ExtType:
    if code != _MARK.code or data:
        raise DecodeError(f"unknown MessagePack extension {code}")
    return _MARK


def _no_mark(code: int, _: bytes) -> ExtType:
    """Refuse a mark that is written in another way than ours, with all other extensions."""
    raise DecodeError(f"unknown MessagePack extension {code}")


# What MessagePack raises where a value has no end.
_TOO_DEEP = (ValueError, RecursionError)


def _advice(value: object) -> str:
    if isinstance(value, Iterator | AsyncIterator):
        return "it can be read only once; send list(...) of it, or hint the result as Iterator"
    if callable(value):
        return "code does not cross; send plain values or tensors"
    return "send plain values, dataclasses, enums, arrays or tensors instead"


def _locate(
    value: object, path: str, error: Exception, encoder: Callable[[], _Encoder]
) -> EncodeError:
    """Find the innermost part of `value` that cannot cross, by trying the parts one by one."""
    while not isinstance(error, _TOO_DEEP):
        found = next(_uncrossable_parts(value, encoder), None)
        if found is None:
            break
        step, value, error = found
        path += step
    return EncodeError(path, qualified_name(type(value)), _reason(error))


def _uncrossable_parts(
    value: object, encoder: Callable[[], _Encoder]
) -> Iterator[tuple[str, object, Exception]]:
    # A value that cannot be taken apart is itself what cannot cross.
    with contextlib.suppress(Exception):
        for step, part in _parts(value):
            try:
                encoder().pack(part)
            except Exception as error:  # noqa: BLE001 - values run code of their own classes
                yield step, part, error


def _reason(error: Exception) -> str:
    if isinstance(error, UncrossableError):
        return str(error)
    if isinstance(error, _TOO_DEEP):
        return "it contains itself or is nested too deeply"
    return f"taking it apart raised {type(error).__name__}"


def _parts(value: object) -> Iterator[tuple[str, object]]:
    fields = fields_of(value)
    if fields is not None:
        yield from ((f".{name}", part) for name, part in fields.items())
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield f" key {reprlib.repr(key)}", key
            yield f"[{reprlib.repr(key)}]", part
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f" element {reprlib.repr(part)}", part) for part in value)
