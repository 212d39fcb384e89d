"""Failures: what the runtime says of an exception, and the error that the caller gets for it."""

from __future__ import annotations

import builtins
import copy
import json
import pickle
from collections.abc import Callable
from types import ModuleType

import pytest

from seer_rpc import errors
from seer_rpc.client.failures import to_error
from seer_rpc.errors import SeerError
from seer_runtime.arguments import ArgumentsError
from seer_runtime.failures import (
    describe_exception,
    describe_load_failure,
    format_traceback,
)
from seer_runtime.loader import NothingExposedError, module_name
from seer_runtime.models import UnknownModelError
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.names import qualified_name
from seer_runtime.wire.pb.runtime_pb2 import Failure


class OwnError(Exception):
    pass


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot speak")


class Shy:
    @property
    def stem(self) -> str:
        raise OwnError("do not look")


def raised(function: Callable[[], object]) -> BaseException:
    """Give what a function raises, as the runtime that called it sees it."""
    try:
        function()
    except BaseException as error:
        return without_first_frame(error)
    raise AssertionError("nothing was raised")


def without_first_frame(error: BaseException) -> BaseException:
    return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)


def describe(function: Callable[[], object]) -> Failure:
    return describe_exception(raised(function), Failure.RAISED, Failure.FINISHED)


def inner() -> None:
    raise OwnError("inner")


def outer() -> None:
    try:
        inner()
    except OwnError as error:
        raise ValueError("outer") from error


def fail_without_words() -> None:
    raise MuteError


def fail_with_notes() -> None:
    error = ValueError("noted")
    error.add_note("look at the second line")
    raise error


def fail_with_surrogates() -> None:
    raise ValueError("a lone \ud800 surrogate")


def fail_in_a_group() -> None:
    raise ExceptionGroup("several", [ValueError("one"), OwnError("two")])


def recurse() -> None:
    recurse()


# The runtime's side -------------------------------------------------------------------------


def test_an_exception_is_named_and_quoted() -> None:
    failure = describe(inner)

    assert (failure.kind, failure.effect) == (Failure.RAISED, Failure.FINISHED)
    assert (failure.message, failure.exception) == ("inner", f"{__name__}.OwnError")


def test_a_traceback_begins_at_the_users_first_frame() -> None:
    # module_name, a function of the runtime, looks at the user's property.
    error = without_first_frame(raised(lambda: module_name(Shy())))  # type: ignore[arg-type]

    lines = format_traceback(error).splitlines()

    assert lines[0] == "Traceback (most recent call last):"
    assert f'"{__file__}"' in lines[1]
    assert "in stem" in lines[1]
    assert lines[-1].endswith("OwnError: do not look")


def test_an_error_of_the_runtime_itself_has_no_frames() -> None:
    error = ArgumentsError("wrong")

    assert format_traceback(error) == "seer_runtime.arguments.ArgumentsError: wrong\n"


def test_a_traceback_shows_chained_causes() -> None:
    text = describe(outer).traceback

    assert text.index("OwnError: inner") < text.index("direct cause") < text.index("Error: outer")


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (fail_with_notes, "ValueError: noted\nlook at the second line\n"),
        (fail_in_a_group, "OwnError: two"),
        (recurse, "[Previous line repeated"),
    ],
)
def test_a_traceback_is_as_python_prints_it(function: Callable[[], None], part: str) -> None:
    assert part in describe(function).traceback


def test_an_exception_whose_message_fails_is_described_all_the_same() -> None:
    failure = describe(fail_without_words)

    assert failure.message == "<its message cannot be shown: RuntimeError>"
    assert failure.exception.endswith("MuteError")
    assert "MuteError" in failure.traceback


def test_a_message_that_is_no_unicode_is_described_all_the_same() -> None:
    failure = describe(fail_with_surrogates)

    assert failure.message.startswith("a lone ")
    assert "a lone " in failure.traceback


@pytest.mark.parametrize("kind", [Failure.RAISED, Failure.LOAD])
def test_an_unknown_model_has_a_kind_of_its_own(kind: Failure.Kind.ValueType) -> None:
    failure = describe_exception(UnknownModelError("no model"), kind, Failure.FINISHED)

    assert failure.kind == Failure.UNKNOWN_MODEL
    assert "ModelConfig" in failure.hint


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("v"), Failure.LOAD, "v"),
        (SyntaxError("s"), Failure.SYNTAX, "s"),
        (IndentationError("i"), Failure.SYNTAX, "i"),
        (NothingExposedError("n"), Failure.NOTHING_EXPOSED, "n"),
        (UnknownModelError("u"), Failure.UNKNOWN_MODEL, "u"),
        (ModuleNotFoundError("m", name="tools.deep"), Failure.MISSING_MODULE, "m"),
        (ModuleNotFoundError("raised by hand"), Failure.LOAD, "raised by hand"),
        (ImportError("cannot import name", name="tools"), Failure.LOAD, "cannot import name"),
        (SystemExit(3), Failure.LOAD, "sys.exit(3) was called"),
        (KeyboardInterrupt(), Failure.LOAD, ""),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_keeps_a_file_from_loading_is_told_apart(
    error: BaseException, kind: Failure.Kind.ValueType, message: str
) -> None:
    failure = describe_load_failure(error)

    assert (failure.kind, failure.message) == (kind, message)
    assert failure.effect == Failure.NOT_STARTED


def test_a_missing_module_is_named_with_what_to_do() -> None:
    failure = describe_load_failure(ModuleNotFoundError("m", name="tools.deep"))

    assert failure.module == "tools.deep"
    assert "put tools beside" in failure.hint


@pytest.mark.parametrize(
    ("cls", "name"),
    [(ValueError, "ValueError"), (OwnError, f"{__name__}.OwnError"), (dict, "dict")],
)
def test_classes_are_named_with_their_module_but_builtins_without(cls: type, name: str) -> None:
    assert qualified_name(cls) == name


# The caller's side --------------------------------------------------------------------------

KINDS = sorted(set(Failure.Kind.values()) - {Failure.UNSPECIFIED})
BUILTINS = sorted(
    name
    for name, cls in vars(builtins).items()
    if isinstance(cls, type) and issubclass(cls, Exception) and cls.__name__ == name
)
# These mean something to whoever iterates, or hold what stays in the sandbox.
UNUSABLE = ["ExceptionGroup", "StopAsyncIteration", "StopIteration"]
USABLE = [name for name in BUILTINS if name not in UNUSABLE]


def of_builtin(name: str) -> errors.SeerError:
    failure = Failure(kind=Failure.RAISED, effect=Failure.FINISHED, exception=name, message="m")
    return to_error(failure)


def test_every_kind_of_failure_has_an_error_class_of_its_own() -> None:
    classes = [type(to_error(Failure(kind=kind, message="m"))) for kind in KINDS]

    assert len(set(classes)) == len(KINDS)
    assert errors.SessionError not in classes


@pytest.mark.parametrize("kind", [Failure.UNSPECIFIED, 99])
def test_a_failure_of_no_known_kind_is_a_session_error(kind: Failure.Kind.ValueType) -> None:
    assert type(to_error(Failure(kind=kind, message="m"))) is errors.SessionError


def test_an_error_has_everything_that_the_failure_says() -> None:
    error = to_error(
        Failure(
            kind=Failure.WORKER_DIED,
            effect=Failure.INTERRUPTED,
            message="gone",
            hint="try again",
            traceback="Traceback\n",
            log=["one", "two"],
            exit_code=-9,
        )
    )

    assert (error.message, error.hint, error.remote_traceback) == (
        "gone",
        "try again",
        "Traceback\n",
    )
    assert (error.log, error.exit_code, error.started) == (("one", "two"), -9, True)


def test_an_error_without_an_exit_code_has_none() -> None:
    assert to_error(Failure(kind=Failure.WORKER_DIED)).exit_code is None
    assert to_error(Failure(kind=Failure.WORKER_DIED, exit_code=0)).exit_code == 0


@pytest.mark.parametrize(
    ("effect", "started"),
    [(Failure.NOT_STARTED, False), (Failure.FINISHED, True), (Failure.INTERRUPTED, True)],
)
def test_an_error_says_whether_the_function_had_started(
    effect: Failure.Effect.ValueType, started: bool
) -> None:
    assert to_error(Failure(kind=Failure.RAISED, effect=effect)).started is started


def test_a_pending_interface_names_its_module() -> None:
    error = to_error(Failure(kind=Failure.MISSING_MODULE, module="tools"))

    assert isinstance(error, errors.InterfacePendingError)
    assert error.module == "tools"


def test_wrong_arguments_are_shown_without_a_traceback() -> None:
    assert to_error(Failure(kind=Failure.ARGUMENTS, traceback="Traceback")).remote_traceback == ""


@pytest.mark.parametrize("name", USABLE)
def test_a_remote_error_is_the_builtin_exception_too(name: str) -> None:
    error = of_builtin(name)

    assert isinstance(error, errors.RemoteError)
    assert isinstance(error, getattr(builtins, name))
    assert error.exception == name
    assert str(error) == f"{name}: m"


@pytest.mark.parametrize("name", BUILTINS)
def test_a_remote_error_survives_pickling_and_copying(name: str) -> None:
    error = of_builtin(name)
    error.add_note("noted")

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert (str(twin), vars(twin)) == (str(error), vars(error))


@pytest.mark.parametrize(
    "name",
    [
        "nowhere.LostError",
        "json.loads",
        "KeyboardInterrupt",
        "print",
        "dict",
        "__import__",
        "",
        "käse",
    ],
)
def test_what_is_no_builtin_exception_is_a_plain_remote_error(name: str) -> None:
    assert type(of_builtin(name)) is errors.RemoteError


def test_an_exception_of_a_loaded_module_keeps_its_type() -> None:
    error = to_error(Failure(kind=Failure.RAISED, exception="json.decoder.JSONDecodeError"))

    assert isinstance(error, json.JSONDecodeError)
    assert isinstance(error, errors.RemoteError)
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


def test_a_remote_error_without_a_message_shows_its_class_alone() -> None:
    assert str(to_error(Failure(kind=Failure.RAISED, exception="KeyError"))) == "KeyError"


def test_an_exception_goes_all_the_way(define: Callable[..., ModuleType]) -> None:
    module = define("def f():\n    return {}['missing']")

    error = to_error(describe(module.f))

    assert isinstance(error, KeyError)
    assert error.message == "KeyError: 'missing'"
    assert "in f" in error.remote_traceback


# Exceptions that a library has classes for --------------------------------------------------


class LibraryError(errors.RemoteError):
    pass


class LibraryTimeoutError(LibraryError, OSError):
    pass


OWN = {f"{__name__}.OwnError": LibraryError, "TimeoutError": LibraryTimeoutError}


class PrivateError(OwnError):
    pass


def own_error(error: BaseException, **parts: object) -> errors.SeerError:
    failure = describe_exception(error, Failure.RAISED, Failure.FINISHED)
    for name, value in parts.items():
        setattr(failure, name, value)
    return to_error(failure, OWN)


def test_an_exception_of_the_librarys_is_raised_as_the_librarys_class() -> None:
    error = own_error(OwnError("inner"), hint="h")

    assert type(error) is LibraryError
    assert (error.exception, error.message) == (
        f"{__name__}.OwnError",
        f"{__name__}.OwnError: inner",
    )
    assert (error.hint, error.args) == ("h", (error.message,))
    assert "OwnError: inner" in error.remote_traceback


def test_the_librarys_class_goes_before_a_builtin_or_loaded_one() -> None:
    assert type(own_error(TimeoutError())) is LibraryTimeoutError
    assert not isinstance(of_builtin("TimeoutError"), LibraryError)


def test_an_exception_that_the_library_lacks_is_of_the_nearest_class_that_it_has() -> None:
    error = own_error(PrivateError("p"))

    assert type(error) is LibraryError
    assert error.exception == f"{__name__}.PrivateError"


def test_only_what_a_function_raised_is_of_the_librarys_classes() -> None:
    kinds = [kind for kind in KINDS if kind != Failure.RAISED]

    found = [to_error(Failure(kind=kind, exception="TimeoutError"), OWN) for kind in kinds]

    assert not any(isinstance(error, LibraryError) for error in found)


# Attributes ---------------------------------------------------------------------------------


def with_attributes(exception: str, attributes: dict[str, object]) -> errors.SeerError:
    content = Codec().encode(attributes).body
    return to_error(Failure(kind=Failure.RAISED, exception=exception, attributes=content))


def test_plain_attributes_arrive_and_others_are_left_out() -> None:
    original = OwnError("inner")
    vars(original).update(position=3, words=["a"], table={"b": None}, file=object(), _hidden=1)

    error = own_error(original)

    assert (error.position, error.words, error.table) == (3, ["a"], {"b": None})  # type: ignore[attr-defined]
    assert not hasattr(error, "file")
    assert not hasattr(error, "_hidden")


@pytest.mark.parametrize("cls", [OwnError, ValueError, OSError, json.JSONDecodeError])
def test_attributes_take_no_place_that_every_error_has(cls: type[Exception]) -> None:
    taken = [*dir(SeerError("m")), "exception", "of", "__dict__", "__class__", "_x"]
    name = qualified_name(cls)
    bare = with_attributes(name, {})

    error = with_attributes(name, dict.fromkeys(taken, "theirs"))

    assert (vars(error), error.args, type(error)) == (vars(bare), bare.args, type(bare))


def test_an_attribute_that_is_computed_here_is_left_alone() -> None:
    error = with_attributes("UnicodeDecodeError", {"start": "here", "end": 1, "own": 2})

    assert isinstance(error, UnicodeDecodeError)
    assert vars(error)["own"] == 2
    assert not {"start", "end"} & vars(error).keys()


def test_exceptions_of_loaded_modules_have_their_attributes_too() -> None:
    try:
        json.loads("[1, x]")
    except json.JSONDecodeError as original:
        error = own_error(original)

    assert isinstance(error, json.JSONDecodeError)
    assert (error.pos, error.lineno, error.doc) == (4, 1, "[1, x]")
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), vars(twin)) == (type(error), vars(error))


@pytest.mark.parametrize("content", [b"\xc1", b"\x81\xa1a", b"\x01", b"\x80" * 100_000])
def test_damaged_attributes_cost_nothing_but_themselves(content: bytes) -> None:
    error = to_error(Failure(kind=Failure.RAISED, message="m", attributes=content))

    assert (error.message, error.args) == ("m", ("m",))


def test_attributes_come_with_what_a_function_raised_alone() -> None:
    original = OwnError()
    original.position = 1  # type: ignore[attr-defined]
    kinds = [Failure.ARGUMENTS, Failure.VALUE, Failure.LOAD, Failure.CANCELLED]

    failures = [describe_exception(original, kind, Failure.FINISHED) for kind in kinds]

    assert not any(failure.attributes for failure in failures)
