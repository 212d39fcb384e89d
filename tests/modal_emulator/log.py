"""The log: every call that came, its request as plain values, and how it went."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_SECRET = {"env_dict", "contents", "env"}
"""Maps whose values nobody should read in a log."""

_UPLOADS = {
    "BlobCreate",
    "MountBatchedCheckExistence",
    "MountPutFile",
}
"""They come in any order, and say no more than the mount that is made of them."""

_LONGEST = 200
_ID = re.compile(
    r"\b(?:(ap|bl|ex|im|mo|sb|st|ta|vo)-[0-9A-Za-z]{20,}|[0-9a-f]{8}(-[0-9a-f]{4,}){4})\b"
)
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass
class Call:
    """A call that came; `status` is None while it goes on."""

    method: str
    service: str
    """`ModalClient`, the control plane, or `TaskCommandRouter`."""

    request: dict[str, Any]
    key: str | None = None
    """The same for all attempts of one call."""

    status: str | None = None


class Log:
    """All calls in the order in which they came, and what went wrong in the emulator itself."""

    def __init__(self) -> None:
        """Begin without a call."""
        self.calls: list[Call] = []
        self.failures: list[str] = []
        """Calls that are not emulated, and errors of the emulator: a test fails for them."""

    def add(self, path: str, request: Message | None, key: str | None) -> Call:
        """Note that a call came, by the path that gRPC gives a method."""
        service, method = path.split("/")[-2:]
        fields = {} if request is None else readable(request)
        call = Call(method, service.rpartition(".")[2], fields, key)
        self.calls.append(call)
        return call

    def of(self, method: str) -> list[Call]:
        """Give the calls of one method."""
        return [call for call in self.calls if call.method == method]

    def transcript(self, methods: Iterable[str] | None = None) -> str:
        """Write down calls, of some methods or all, as text that is the same in each run.

        Ids are numbered as they appear, digests and uploads left out, repetitions of a call written
        once, and files of mounts summed up by folder.
        """
        wanted = None if methods is None else set(methods)
        shown = [
            _shown(call)
            for call in self.calls
            if call.method not in _UPLOADS and (wanted is None or call.method in wanted)
        ]
        return _numbered("\n".join(text for text, _ in itertools.groupby(shown))) + "\n"


def readable(message: Message) -> dict[str, Any]:
    """Give the fields of a message that are set, as plain values; secrets by their names alone."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Mapping):
        shown = {key: _plain(field, item) for key, item in value.items()}
        return dict.fromkeys(shown, "<secret>") if field.name in _SECRET else shown
    if field.is_repeated:
        return [_plain(field, item) for item in value]
    return _plain(field, value)


def _plain(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Message):
        return readable(value)
    if isinstance(value, bytes):
        return _text(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value


def _text(data: bytes) -> str:
    if len(data) > _LONGEST:
        return f"<{len(data)} bytes>"
    return data.decode(errors="backslashreplace")


def _shown(call: Call) -> str:
    request = call.request
    if call.method == "MountGetOrCreate":
        paths = [PurePosixPath(file["filename"]) for file in request.get("files", [])]
        folders = {str(path.with_name(f"*{path.suffix}")) for path in paths}
        request = request | {"files": sorted(folders)}
    return f"{call.method} {json.dumps(request, indent=2, sort_keys=True)}"


def _numbered(text: str) -> str:
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        prefix = match[1] or "exec"
        if match[0] not in numbers:
            count = sum(name.startswith(prefix) for name in numbers.values())
            numbers[match[0]] = f"{prefix}-{count + 1}"
        return numbers[match[0]]

    return _ID.sub(number, _DIGEST.sub("<sha256>", text))
