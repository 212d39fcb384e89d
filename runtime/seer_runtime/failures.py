"""Say what went wrong, as the Failure that travels to the caller."""

from __future__ import annotations

import reprlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from seer_runtime.loader import NothingExposedError
from seer_runtime.models import UnknownModelError
from seer_runtime.secrecy import SECRECY
from seer_runtime.wire.attributes import pack_attributes
from seer_runtime.wire.names import encodable, qualified_name
from seer_runtime.wire.pb.runtime_pb2 import Failure

_RUNTIME = str(Path(__file__).parent)


def describe_exception(
    error: BaseException, kind: Failure.Kind.ValueType, effect: Failure.Effect.ValueType
) -> Failure:
    """Describe an exception, its traceback beginning at the user's first frame."""
    failure = Failure(
        kind=kind,
        effect=effect,
        message=_text(error),
        exception=encodable(qualified_name(type(error))),
        traceback=encodable(format_traceback(error)),
        bases=_base_names(type(error)),
        attributes=_attributes(error) if kind == Failure.RAISED else b"",
    )
    if isinstance(error, UnknownModelError):
        failure.kind = Failure.UNKNOWN_MODEL
        failure.hint = "name the model in SandboxConfig(models=[ModelConfig(name=...)])"
    elif isinstance(error, SystemExit):
        failure.message = (
            f"sys.exit({SECRECY.text(encodable(reprlib.repr(error.code)))}) was called"
        )
    return failure


def describe_load_failure(error: BaseException) -> Failure:
    """Describe what kept an interface file from loading."""
    failure = describe_exception(error, Failure.LOAD, Failure.NOT_STARTED)
    match error:
        case NothingExposedError():
            failure.kind = Failure.NOTHING_EXPOSED
        case SyntaxError():
            failure.kind = Failure.SYNTAX
        case ModuleNotFoundError(name=str(module)):
            failure.kind = Failure.MISSING_MODULE
            failure.module = module
            failure.hint = (
                f"put {module.partition('.')[0]} beside the interface file, upload it with "
                f"upload_file(), or install it and name it in python_packages"
            )
    return failure


def format_traceback(error: BaseException) -> str:
    """Format `error` as Python prints it, without the frames of this package above the user's."""
    told = traceback.TracebackException(
        type(error), error, _user_frames(error.__traceback__), compact=True
    )
    if not SECRECY.shows_source:
        _leave_out_source(told)
    return SECRECY.text("".join(told.format()))


def _leave_out_source(told: traceback.TracebackException) -> None:
    """Leave only files, lines' numbers and functions, of this exception and all before it."""
    told.stack = traceback.StackSummary.from_list(
        [(each.filename, each.lineno or 0, each.name, "") for each in told.stack]
    )
    if hasattr(told, "text"):
        vars(told)["text"] = None
    for each in (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ())):
        if each is not None:
            _leave_out_source(each)


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if not file.startswith((_RUNTIME, "<frozen importlib")):
            return frames
        frames = frames.tb_next
    return None


def _base_names(cls: type) -> Iterator[str]:
    for base in cls.__mro__[1:]:
        if base.__module__ != "builtins":
            yield encodable(qualified_name(base))


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as broken:  # noqa: BLE001 - the user's __str__
        return f"<its message cannot be shown: {type(broken).__name__}>"
    return SECRECY.content(encodable(text).encode(), "an error's message").decode()


def _attributes(error: BaseException) -> bytes:
    return SECRECY.content(pack_attributes(error), "an error's attributes")
