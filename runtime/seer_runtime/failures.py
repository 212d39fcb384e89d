"""Say what went wrong, as the Failure that travels to the caller."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from seer_runtime.loader import NothingExposedError
from seer_runtime.models import UnknownModelError
from seer_runtime.wire.pb.runtime_pb2 import Failure

_RUNTIME = str(Path(__file__).parent)


def of_exception(
    error: BaseException, kind: Failure.Kind.ValueType, effect: Failure.Effect.ValueType
) -> Failure:
    """Describe an exception, its traceback beginning at the user's first frame."""
    hint = ""
    if isinstance(error, UnknownModelError):
        kind = Failure.UNKNOWN_MODEL
        hint = "name the model in SandboxConfig(models=[ModelConfig(name=...)])"
    return Failure(
        kind=kind,
        effect=effect,
        message=_text(error),
        hint=hint,
        exception=qualified_name(type(error)),
        traceback=format_traceback(error),
    )


def of_loading(error: BaseException) -> Failure:
    """Describe what kept an interface file from loading."""
    failure = of_exception(error, Failure.LOAD, Failure.NOT_STARTED)
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
                f"upload_file(), or install it for the sandbox with python_packages"
            )
        case SystemExit():
            failure.message = f"the interface file called sys.exit({error.code!r}) while it loaded"
    return failure


def format_traceback(error: BaseException) -> str:
    """Format `error` as Python prints it, without the frames of this package above the user's."""
    return "".join(
        traceback.TracebackException(
            type(error), error, _user_frames(error.__traceback__), compact=True
        ).format()
    )


def qualified_name(cls: type) -> str:
    """Name a class with its module; builtins without it."""
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if not file.startswith((_RUNTIME, "<frozen importlib")):
            return frames
        frames = frames.tb_next
    return None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - the user's __str__
        return f"<its message cannot be shown: {type(broken).__name__}>"
