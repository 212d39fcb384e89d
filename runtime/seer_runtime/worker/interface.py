"""A loaded interface: its schema, and a way to call each function by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seer_runtime.arguments import ArgumentChecker, ArgumentsError
from seer_runtime.exceptions import find_exceptions
from seer_runtime.exposure import Options
from seer_runtime.loader import load
from seer_runtime.methods import Function
from seer_runtime.models import ModelPaths
from seer_runtime.references import REFERENCE_FUNCTIONS
from seer_runtime.schema import Signature, build_schema
from seer_runtime.secrecy import SECRECY
from seer_runtime.wire.codec import Codec, Encoded
from seer_runtime.wire.errors import DecodeError
from seer_runtime.wire.frames import Frame
from seer_runtime.wire.handles import LIST
from seer_runtime.wire.names import did_you_mean
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest
from seer_runtime.wire.plain import JsonArguments
from seer_runtime.wire.records import TypeNames
from seer_runtime.worker.sessions import Sessions

_PLAIN = Options()


class NoFunctionError(LookupError):
    """A call of something that the interface does not expose."""


class Interface:
    """The exposed functions of one interface file."""

    def __init__(
        self, request: LoadRequest, tools: Mapping[str, Function], sessions: Sessions
    ) -> None:
        """Load the file that `request` names, which may use the `tools`.

        `sessions` hold what their handles stand for.

        Raises:
            BaseException: whatever keeps it from loading.
        """
        models = ModelPaths(request.models)
        SECRECY.shows_source = not models.are_hidden
        SECRECY.keep_names(request.masked_names)
        loaded = load(Path(request.path), list(request.import_paths), models, tools)
        self._functions, self._options, groups = loaded.exposed
        signatures = {
            name: Signature(function, self._options[name], name)
            for name, function in self._functions.items()
        }
        types = TypeNames()
        exceptions = find_exceptions(loaded.modules)
        self.schema = build_schema(
            request.interface, loaded.doc, signatures, types, exceptions, groups
        )
        self._codec = Codec(types)
        self._sessions = sessions
        self._signatures = signatures
        self._checkers = {
            name: ArgumentChecker(name, signature.parameters, signature.hints)
            for name, signature in signatures.items()
        }

    def options(self, name: str) -> Options:
        """Say how the function is to be run; what does not exist runs as any other."""
        return self._options.get(name, _PLAIN)

    def is_stream(self, name: str) -> bool:
        """Tell whether the function is one that gives a stream."""
        return name in self._signatures and self._signatures[name].is_stream

    def function(self, name: str) -> Function:
        """Give a function that is exposed.

        Raises:
            NoFunctionError: the interface exposes no function of that name.
        """
        function = self._functions.get(name) or REFERENCE_FUNCTIONS.get(name)
        if function is None:
            guess = did_you_mean(name, self._functions)
            raise NoFunctionError(
                f"no function {name!r} is exposed{guess}; there are: {', '.join(self._functions)}"
            )
        return function

    def prepare(self, call: Frame) -> Callable[[], Any]:
        """Decode and check a call's arguments; give what runs the function on them.

        Raises:
            NoFunctionError: the interface exposes no function of that name.
            ArgumentsError: the arguments do not fit.
        """
        if call.name == LIST:
            return self._sessions.of(call.session).references.handles
        function = self.function(call.name)
        args, kwargs = self._arguments(call)
        return functools.partial(function, *args, **kwargs)

    def bind(self, call: Frame) -> Sequence[Any]:
        """Decode and check a call's arguments; give them in order. Raises what `prepare` does."""
        self.function(call.name)
        args, kwargs = self._arguments(call)
        return self._signatures[call.name].parameters.bind(*args, **kwargs).args

    def encode(self, call: Frame, value: object, name: str) -> Encoded:
        """Encode what a call gives; what it only refers to stays with the call's session.

        Raises:
            EncodeError: it cannot cross; the message calls it `name`.
        """
        refer = self._sessions.of(call.session).references.refer
        encoded = self._codec.encode(value, name, refer)
        return SECRECY.encoded(encoded, call.name) if SECRECY.masks else encoded

    def _arguments(self, call: Frame) -> tuple[list[Any], dict[str, Any]]:
        try:
            resolve = self._sessions.of(call.session).references.resolve
            args, kwargs = self._codec.decode(call.body, call.segments, resolve)
        except DecodeError as error:
            raise ArgumentsError(f"{call.name}(): {error}") from error
        match args:
            case [JsonArguments(text)] if call.name in self._signatures:
                return self._signatures[call.name].from_json.read(text, resolve)
        if call.name in self._checkers:
            self._checkers[call.name].check(args, kwargs)
        return args, kwargs
