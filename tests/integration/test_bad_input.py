"""What goes wrong gives its own error: promptly, with the cause and what to do about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

from seer_rpc.client import Connection, Session
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    ArgumentError,
    BackendError,
    ConfigError,
    ConnectionFileError,
    InterfaceGoneError,
    InterfaceLoadError,
    InterfaceMissingError,
    InterfacePendingError,
    InterfaceSyntaxError,
    ModelNotFoundError,
    NothingExposedError,
    PackageMissingError,
    RemoteError,
    RemoteExit,
    SandboxError,
    SandboxLostError,
    SchemaChangedError,
    SeerError,
    SessionError,
    StateLostError,
    ValueCrossingError,
    WorkerDiedError,
)
from seer_rpc.workspace import Library

Write = Callable[..., Path]
PROMPTLY = 100.0
"""Far more than any of these needs, far less than a hang."""


@pytest.fixture(autouse=True)
def promptly() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < PROMPTLY


def refused(sandbox: ScopedSandbox, file: Path | str, name: str | None = None) -> SeerError:
    with pytest.raises(SeerError) as caught:
        sandbox.serve(file, name=name)
    return caught.value


# Files that cannot be served.


def test_a_missing_file_is_named_with_where_it_was_looked_for(
    shared: ScopedSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    error = refused(shared, "nowhere.py")

    assert type(error) is InterfaceMissingError
    assert isinstance(error, FileNotFoundError)
    assert "nowhere.py" in error.message
    assert str(tmp_path) in error.hint


def test_a_directory_is_no_interface_file(shared: ScopedSandbox, tmp_path: Path) -> None:
    error = refused(shared, tmp_path, "folder")

    assert type(error) is InterfaceMissingError
    assert str(tmp_path) in error.message


def test_a_file_that_others_keep_closed_is_named(
    shared: ScopedSandbox, write: Write, tmp_path: Path
) -> None:
    file = write("@expose\ndef f(): pass\n", "loop.py")
    file.unlink()
    file.symlink_to(file)
    error = refused(shared, file)

    assert type(error) is InterfaceMissingError


def test_a_syntax_error_says_file_and_line(shared: ScopedSandbox, write: Write) -> None:
    file = write("@expose\ndef good():\n    pass\n\ndef broken(:\n    pass\n", "unparsable.py")
    error = refused(shared, file)

    assert type(error) is InterfaceSyntaxError
    assert "unparsable.py" in error.message
    assert "line 5" in error.message


@pytest.mark.parametrize("content", [b"x = '\x00'\n", b"x = '\xff'\n", b"\x7fELF\x02\x01"])
def test_a_file_that_is_no_text_is_a_syntax_error(
    shared: ScopedSandbox, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "binary.py"
    file.write_bytes(content)

    assert type(refused(shared, file)) is InterfaceSyntaxError


def test_a_syntax_error_in_a_sibling_says_file_and_line(
    shared: ScopedSandbox, write: Write
) -> None:
    write("x = 1\nif x\n", "broken_sibling.py")
    error = refused(shared, write("import broken_sibling\n", "with_broken_sibling.py"))

    assert type(error) is InterfaceSyntaxError
    assert "broken_sibling.py" in str(error)
    assert "line 2" in str(error)


@pytest.mark.parametrize("source", ["", "\n", "def f():\n    return 1\n", '"""Doc."""\nX = 1\n'])
def test_a_file_that_exposes_nothing_is_told_how_to(
    shared: ScopedSandbox, write: Write, source: str
) -> None:
    error = refused(shared, write(source, "unexposed.py"))

    assert type(error) is NothingExposedError
    assert "unexposed.py" in error.message
    assert "@expose" in str(error)


def test_an_exception_while_loading_shows_the_users_own_frames(
    shared: ScopedSandbox, write: Write
) -> None:
    file = write(
        """
        def load():
            raise ValueError("the weights are wrong")

        load()
        """,
        "raising.py",
    )
    error = refused(shared, file)

    assert type(error) is InterfaceLoadError
    assert error.message == "ValueError: the weights are wrong"
    lines = error.remote_traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "raising.py" in lines[1]
    assert "line 5" in lines[1]
    assert lines[2].strip() == "load()"
    assert lines[-1] == "ValueError: the weights are wrong"
    assert error.remote_traceback.rstrip() in str(error)


@pytest.mark.parametrize("status", ["0", "3", "'no GPU here'", ""])
def test_sys_exit_while_loading_is_told(shared: ScopedSandbox, write: Write, status: str) -> None:
    error = refused(shared, write(f"import sys\n\nsys.exit({status})\n", "exiting.py"))

    assert type(error) is InterfaceLoadError
    assert "sys.exit" in error.message
    assert status in error.message
    assert "exiting.py" in error.remote_traceback


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import os; os._exit(7)", 7),
        ("import os; os._exit(0)", 0),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
def test_death_while_loading_gives_exit_status_and_last_lines(
    shared: ScopedSandbox, write: Write, source: str, code: int
) -> None:
    file = write(f"print('these are my last words')\n{source}\n", "dying.py")
    error = refused(shared, file)

    assert type(error) is InterfaceLoadError
    assert error.exit_code == code
    assert "these are my last words" in error.log
    assert "these are my last words" in str(error)
    assert error.hint
    if code == -signal.SIGSEGV:
        assert "SIGSEGV" in error.message
        assert any("dying.py" in line for line in error.log)


def test_a_module_that_is_nowhere_is_named_with_the_ways_to_bring_it(
    shared: ScopedSandbox, write: Write
) -> None:
    library = shared.serve(write("import not_on_pypi.part\n", "needy.py"))

    with pytest.raises(InterfacePendingError) as caught:
        _ = library.files
    assert caught.value.module == "not_on_pypi"
    assert "not_on_pypi" in caught.value.message
    assert "python_packages" in caught.value.hint
    assert "upload_file" in caught.value.hint
    assert "needy.py" in caught.value.remote_traceback


def test_an_import_of_a_name_that_a_module_lacks_fails_at_once(
    shared: ScopedSandbox, write: Write
) -> None:
    error = refused(shared, write("from json import nothing_like_this\n", "mistaken.py"))

    assert type(error) is InterfaceLoadError
    assert "nothing_like_this" in error.message


@pytest.mark.parametrize(
    "source",
    [
        "expose(3)",
        "@expose\nclass Thing:\n    pass",
        "expose(lambda: 1)",
        "expose('name')",
    ],
)
def test_exposing_what_is_no_named_function_fails_with_the_line(
    shared: ScopedSandbox, write: Write, source: str
) -> None:
    error = refused(shared, write(source, "misexposed.py"))

    assert type(error) is InterfaceLoadError
    assert error.message.startswith("TypeError: ")
    assert "expose" in error.message
    assert "misexposed.py" in error.remote_traceback


def test_an_interface_that_fails_to_load_can_be_corrected_and_served_again(
    shared: ScopedSandbox, write: Write
) -> None:
    refused(shared, write("1 / 0\n", "corrected.py"))
    shared.serve(write("@expose\ndef f(): return 1\n", "corrected.py"))
    session = Session(shared.connection("corrected"))

    assert session.call("f", [], {}) == 1
    session.close()


def test_a_syntax_error_leaves_what_is_served_under_the_name_in_place(
    shared: ScopedSandbox, write: Write
) -> None:
    shared.serve(write("@expose\ndef f(): return 1\n", "kept.py"))
    refused(shared, write("def f(:\n", "kept.py"))
    session = Session(shared.connection("kept"))

    assert session.call("f", [], {}) == 1
    session.close()


# Calls that give no value.

FUNCTIONS = '''
import asyncio
import collections
import os
import signal
import sys
import ctypes
from dataclasses import dataclass

count = 0


class Odd(Exception):
    def __init__(self, code, detail):
        super().__init__(f"odd {code}")
        self.code = code


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class NameThief(Exception):
    pass


NameThief.__name__ = NameThief.__qualname__ = "KeyboardInterrupt"
NameThief.__module__ = "builtins"


@dataclass
class Point:
    x: int


@expose
def up() -> int:
    global count
    count += 1
    return count


@expose
def typed(count: int, text: str = "", *, ratio: float = 0.5) -> int:
    """Check."""
    return count


@expose
def nested(points: list[Point], table: dict[str, list[int]]) -> int:
    return len(points)


@expose
def raise_builtin(name: str, text: str):
    raise getattr(__import__("builtins"), name)(text)


@expose
def deep():
    return _middle()


def _middle():
    values = {}
    return values["missing"]


@expose
async def deep_async():
    await asyncio.sleep(0)
    return _middle()


@expose
def raise_odd():
    raise Odd(7, "detail")


@expose
def raise_mute():
    raise Mute()


@expose
def raise_thief():
    raise NameThief("not the real one")


@expose
def raise_unicode_decode():
    return b"\\xff".decode()


@expose
def raise_file_not_found():
    return open("/nowhere/at/all")


@expose
def raise_with_cause():
    try:
        _middle()
    except KeyError as error:
        wrapped = RuntimeError("could not look it up")
        wrapped.add_note("a note about it")
        wrapped.add_note("and another → one")
        raise wrapped from error


@expose
def raise_group():
    raise ExceptionGroup("several", [ValueError("first"), TypeError("second")])


@expose
def raise_base(name: str):
    raise getattr(__import__("builtins"), name)("from the user")


@expose
async def raise_cancelled():
    raise asyncio.CancelledError("by hand")


@expose
def leave(status):
    sys.exit(status)


@expose
async def leave_async(status):
    await asyncio.sleep(0)
    sys.exit(status)


@expose
def recurse(n: int = 0) -> int:
    return recurse(n + 1)


@expose
def ask_for_model(name: str) -> str:
    return get_model_path(name)


@expose
def uncrossable(kind: str):
    return {
        "generator": [(i for i in range(3))],
        "function": up,
        "lambda": lambda: 1,
        "object": object(),
        "file": sys.stdout,
        "module": os,
        "class": Point,
        "nested": {"a": [1, {"b": (Point(object()),)}]},
        "key": {1: {Ellipsis: 2}},
        "iterator": iter([1]),
        "coroutine_like": [map(str, [1])],
        "exception": ValueError("as a value"),
    }[kind]


@expose
def generate(n: int):
    for i in range(n):
        yield i


@expose
def loop():
    value = []
    value.append(value)
    return value


@expose
def too_deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@expose
def echo(value):
    return value
'''


@pytest.fixture(scope="module")
def functions(serve_session: Callable[[str], Session]) -> Session:
    return serve_session(FUNCTIONS)


def failure(session: Session, name: str, *args: object, **kwargs: object) -> SeerError:
    """Give the error of a call; the session must be usable afterwards."""
    with pytest.raises(SeerError) as caught:
        session.call(name, args, kwargs)
    assert session.call("echo", [1], {}) == 1
    return caught.value


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ([], {}, ["count"]),
        ([1, "", 3], {}, ["positional"]),
        ([1], {"cuont": 2}, ["'cuont'"]),
        ([1], {"txet": ""}, ["'txet'", "did you mean 'text'"]),
        ([1], {"count": 2}, ["count"]),
        (["one"], {}, ["'count'", "int", "str"]),
        ([1.5], {}, ["'count'", "int", "float"]),
        ([None], {}, ["'count'", "NoneType"]),
        ([1, 2], {}, ["'text'", "str", "int"]),
        ([1], {"ratio": "half"}, ["'ratio'", "number", "str"]),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    functions: Session, args: list[object], kwargs: dict[str, object], words: list[str]
) -> None:
    error = failure(functions, "typed", *args, **kwargs)

    assert type(error) is ArgumentError
    assert isinstance(error, TypeError)
    assert error.started is False
    assert error.message.startswith("typed()")
    for word in words:
        assert word in error.message
    assert "typed(count: int, text: str = '', *, ratio: float = 0.5)" in error.message


def test_a_wrong_type_deep_inside_an_argument_is_located(functions: Session) -> None:
    error = failure(functions, "nested", [], {"a": [1, 2], "b": [3, "four"]})

    assert type(error) is ArgumentError
    assert "'table'['b'][1]" in error.message
    assert "str" in error.message


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ([object()], {}, ["argument 0", "object"]),
        ([], {"value": {"a": [1, lambda: 2]}}, ["value", "['a'][1]", "function"]),
        ([[1, 2], iter([3])], {}, ["argument 1", "iterator", "list("]),
        ([sys], {}, ["argument 0", "module"]),
        ([threading.Lock()], {}, ["argument 0", "lock"]),
    ],
)
def test_an_argument_that_cannot_cross_is_located_and_nothing_runs(
    functions: Session, args: list[object], kwargs: dict[str, object], words: list[str]
) -> None:
    before = functions.call("up", [], {})
    error = failure(functions, "echo", *args, **kwargs)

    assert type(error) is ValueCrossingError
    assert isinstance(error, TypeError)
    assert error.started is False
    for word in ["echo()", *words]:
        assert word in error.message
    assert functions.call("up", [], {}) == before + 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("generator", ["[0]", "generator", "list("]),
        ("iterator", ["iterator", "list("]),
        ("function", ["function"]),
        ("lambda", ["function"]),
        ("object", ["object"]),
        ("file", ["CallOutput"]),
        ("module", ["module"]),
        ("class", ["type"]),
        ("exception", ["ValueError"]),
        ("nested", ["['a'][1]['b'][0].x", "object"]),
        ("key", ["[1]", "key Ellipsis", "ellipsis"]),
        ("coroutine_like", ["[0]", "map"]),
    ],
)
def test_a_result_that_cannot_cross_is_located(
    functions: Session, kind: str, words: list[str]
) -> None:
    error = failure(functions, "uncrossable", kind)

    assert type(error) is ValueCrossingError
    assert error.started is True
    for word in ["uncrossable()", *words]:
        assert word in error.message


@pytest.mark.parametrize("name", ["loop", "too_deep"])
def test_a_result_without_an_end_is_refused(functions: Session, name: str) -> None:
    error = failure(functions, name)

    assert type(error) is ValueCrossingError
    assert name in error.message


def test_an_argument_that_contains_itself_is_refused(functions: Session) -> None:
    value: list[object] = []
    value.append(value)

    assert type(failure(functions, "echo", value)) is ValueCrossingError


BUILTINS = [
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BufferError",
    "ConnectionResetError",
    "EOFError",
    "FileNotFoundError",
    "ImportError",
    "IndexError",
    "KeyError",
    "MemoryError",
    "ModuleNotFoundError",
    "NotImplementedError",
    "OSError",
    "PermissionError",
    "RuntimeError",
    "SyntaxError",
    "TimeoutError",
    "TypeError",
    "UnicodeError",
    "UserWarning",
    "ValueError",
    "ZeroDivisionError",
    "Exception",
]


@pytest.mark.parametrize("name", BUILTINS)
def test_a_builtin_exception_is_caught_as_itself(functions: Session, name: str) -> None:
    error = failure(functions, "raise_builtin", name, "what happened")

    assert isinstance(error, RemoteError)
    assert isinstance(error, getattr(__import__("builtins"), name))
    assert error.exception == name
    assert error.started is True
    assert name in error.message
    assert "what happened" in error.message
    assert str(error).startswith(error.message)


@pytest.mark.parametrize("name", ["StopIteration", "StopAsyncIteration"])
def test_what_would_end_the_callers_own_iteration_is_a_remote_error_alone(
    functions: Session, name: str
) -> None:
    error = failure(functions, "raise_builtin", name, "what happened")

    assert type(error) is RemoteError
    assert error.exception == name


def test_except_value_error_works_as_it_would_in_process(functions: Session) -> None:
    try:
        functions.call("raise_builtin", ["ValueError", "bad"], {})
    except ValueError as error:
        caught = error
    assert "ValueError: bad" in str(caught)


def test_a_builtin_that_takes_no_single_text_crosses_all_the_same(functions: Session) -> None:
    error = failure(functions, "raise_unicode_decode")

    assert isinstance(error, RemoteError)
    assert isinstance(error, UnicodeDecodeError)
    assert error.exception == "UnicodeDecodeError"
    assert "invalid start byte" in str(error)


def test_an_os_error_of_the_users_keeps_its_text(functions: Session) -> None:
    error = failure(functions, "raise_file_not_found")

    assert isinstance(error, FileNotFoundError)
    assert "/nowhere/at/all" in str(error)


@pytest.mark.parametrize("name", ["deep", "deep_async"])
def test_the_traceback_begins_at_the_users_function(functions: Session, name: str) -> None:
    error = failure(functions, name)

    assert isinstance(error, KeyError)
    lines = [line.strip() for line in error.remote_traceback.splitlines()]
    assert lines[0] == "Traceback (most recent call last):"
    assert f"in {name}" in lines[1]
    assert lines[2] == "return _middle()"
    assert "in _middle" in "".join(lines)
    assert 'return values["missing"]' in lines
    assert "interface_" in lines[1]
    assert ".py" in lines[1]
    assert lines[-1] == "KeyError: 'missing'"
    assert "seer_runtime" not in error.remote_traceback
    assert error.remote_traceback.rstrip() in str(error)


def test_an_exception_of_the_users_own_class_crosses_by_its_name(functions: Session) -> None:
    error = failure(functions, "raise_odd")

    assert type(error) is RemoteError
    assert error.exception.endswith(".Odd")
    assert "odd 7" in error.message


def test_an_exception_that_cannot_be_shown_crosses(functions: Session) -> None:
    error = failure(functions, "raise_mute")

    assert type(error) is RemoteError
    assert error.exception.endswith(".Mute")


def test_a_class_that_calls_itself_keyboard_interrupt_does_not_become_one(
    functions: Session,
) -> None:
    error = failure(functions, "raise_thief")

    assert not isinstance(error, KeyboardInterrupt)
    assert "not the real one" in error.message


def test_causes_and_notes_are_in_the_traceback(functions: Session) -> None:
    error = failure(functions, "raise_with_cause")

    assert isinstance(error, RuntimeError)
    text = error.remote_traceback
    assert "KeyError: 'missing'" in text
    assert "The above exception was the direct cause" in text
    assert "a note about it" in text
    assert "and another → one" in text
    assert text.index("KeyError") < text.index("could not look it up")
    assert "seer_runtime" not in text


def test_an_exception_group_shows_its_members(functions: Session) -> None:
    error = failure(functions, "raise_group")

    assert isinstance(error, RemoteError)
    assert error.exception == "ExceptionGroup"
    assert "several" in error.message
    assert "ValueError: first" in error.remote_traceback
    assert "TypeError: second" in error.remote_traceback


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_base_exceptions_of_the_users_are_answers_like_others(
    functions: Session, name: str
) -> None:
    before = functions.call("up", [], {})
    error = failure(functions, "raise_base", name)

    assert type(error) is RemoteError
    assert error.exception == name
    assert not isinstance(error, KeyboardInterrupt | GeneratorExit)
    assert functions.call("up", [], {}) == before + 1


def test_a_cancelled_error_of_the_users_is_an_answer(functions: Session) -> None:
    error = failure(functions, "raise_cancelled")

    assert type(error) is RemoteError
    assert error.exception.endswith("CancelledError")


@pytest.mark.parametrize("name", ["leave", "leave_async"])
@pytest.mark.parametrize("status", [0, 3, None, "with words"])
def test_sys_exit_in_a_function_is_told_and_the_worker_goes_on(
    functions: Session, name: str, status: object
) -> None:
    before = functions.call("up", [], {})
    error = failure(functions, name, status)

    assert type(error) is RemoteExit
    assert f"sys.exit({status!r})" in error.message
    assert error.started is True
    assert functions.call("up", [], {}) == before + 1


def test_endless_recursion_is_an_answer(functions: Session) -> None:
    error = failure(functions, "recurse")

    assert isinstance(error, RecursionError)
    assert isinstance(error, RemoteError)
    assert len(str(error)) < 20_000


# Workers that die.

FRAGILE = """
import ctypes
import os
import signal
import time

print("loaded with care", flush=True)
count = 0


@expose
def up() -> int:
    global count
    count += 1
    return count


@expose
def die(how: str) -> int:
    print("about to " + how, flush=True)
    match how:
        case "exit":
            os._exit(3)
        case "exit cleanly":
            os._exit(0)
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(600)


@expose
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
"""


@pytest.fixture(scope="module")
def fragile(shared: ScopedSandbox, interface_file: Callable[[str], Path]) -> Callable[[], Session]:
    name = shared.serve(interface_file(FRAGILE)).name
    return lambda: Session(shared.connection(name))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("exit", 3),
        ("exit cleanly", 0),
        ("segfault", -signal.SIGSEGV),
        ("abort", -signal.SIGABRT),
        ("kill", -signal.SIGKILL),
        ("terminate", -signal.SIGTERM),
    ],
)
def test_a_dying_worker_is_told_with_its_exit_status_and_every_session_hears_of_the_lost_state_once(
    fragile: Callable[[], Session], how: str, code: int
) -> None:
    mine, other = fragile(), fragile()
    before = mine.call("up", [], {})
    assert other.call("up", [], {}) == before + 1

    with pytest.raises(WorkerDiedError) as died:
        mine.call("die", [how], {})

    assert died.value.exit_code == code
    assert died.value.started is True
    assert f"[{died.value.call_id}] about to {how}" in died.value.log
    assert f"about to {how}" in str(died.value)
    assert died.value.hint
    if code < 0:
        assert signal.Signals(-code).name in died.value.message
    # Whoever was told goes on at once; whoever was not is told once, and nothing runs.
    assert mine.call("up", [], {}) == 1
    with pytest.raises(StateLostError) as lost:
        other.call("up", [], {})
    assert lost.value.started is False
    assert lost.value.hint
    assert other.call("up", [], {}) == 2
    assert mine.call("up", [], {}) == 3
    mine.close()
    other.close()


def test_a_session_opened_after_a_death_hears_nothing_of_it(
    fragile: Callable[[], Session],
) -> None:
    first = fragile()
    with pytest.raises(WorkerDiedError):
        first.call("die", ["exit"], {})
    later = fragile()

    assert later.call("up", [], {}) == 1
    first.close()
    later.close()


def test_calls_that_wait_behind_a_dying_one_are_told_that_they_did_not_start(
    fragile: Callable[[], Session],
) -> None:
    session = fragile()
    outcomes: dict[int, SeerError | int] = {}

    def call(index: int, name: str, *args: object) -> None:
        try:
            outcomes[index] = session.call(name, args, {})
        except SeerError as error:
            outcomes[index] = error

    threads = [threading.Thread(target=call, args=(0, "nap", 0.5))]
    threads += [threading.Thread(target=call, args=(1, "die", "exit"))]
    threads += [threading.Thread(target=call, args=(index, "up")) for index in (2, 3)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()

    assert outcomes[0] == 0.5
    died = [outcomes[index] for index in (1, 2, 3)]
    assert isinstance(died[0], WorkerDiedError)
    assert all(isinstance(error, WorkerDiedError | StateLostError) for error in died)
    assert [getattr(error, "started", None) for error in died] == [True, False, False]
    assert session.call("up", [], {}) == 1
    session.close()


def test_an_interface_that_cannot_be_loaded_a_second_time_says_so(
    shared: ScopedSandbox, write: Write
) -> None:
    file = write(
        """
        import os
        from pathlib import Path

        marker = Path.home() / "marker"
        if marker.exists():
            raise OSError("the weights are gone")
        marker.touch()

        @expose
        def die():
            os._exit(1)
        """,
        "once_only.py",
    )
    name = shared.serve(file).name
    session = Session(shared.connection(name))

    with pytest.raises(WorkerDiedError):
        session.call("die", [], {})
    for _ in range(2):
        with pytest.raises(InterfaceLoadError, match="the weights are gone") as caught:
            session.call("die", [], {})
        assert "once_only.py" in caught.value.remote_traceback
    session.close()
    with pytest.raises(InterfaceLoadError, match="the weights are gone"):
        Session(shared.connection(name))


# Models.


def test_a_model_that_is_not_configured_is_named_while_loading(
    shared: ScopedSandbox, write: Write
) -> None:
    error = refused(shared, write("path = get_model_path('org/nothing')\n", "modelled.py"))

    assert type(error) is ModelNotFoundError
    assert isinstance(error, LookupError)
    assert "'org/nothing'" in error.message
    assert "ModelConfig" in str(error)
    assert "modelled.py" in error.remote_traceback


def test_a_model_that_is_not_configured_is_named_inside_a_call(functions: Session) -> None:
    error = failure(functions, "ask_for_model", "org/nothing")

    assert type(error) is ModelNotFoundError
    assert "'org/nothing'" in error.message
    assert "ModelConfig" in str(error)
    assert error.started is True


def test_a_configured_model_is_found_under_its_name(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with ScopedSandbox(SandboxConfig(models=[ModelConfig(name=str(folder))])) as sandbox:
        sandbox.serve(
            write(
                """
                import os

                @expose
                def files(name: str) -> list[str]:
                    return os.listdir(get_model_path(name))

                @expose
                def models() -> dict[str, str]:
                    return list_configured_models()
                """,
                "listing.py",
            )
        )
        session = Session(sandbox.connection("listing"))

        assert session.call("files", [str(folder)], {}) == ["config.json"]
        assert list(session.call("models", [], {})) == [str(folder)]
        with pytest.raises(ModelNotFoundError, match="my model"):
            session.call("files", ["other"], {})
        session.close()


def test_a_model_that_is_neither_here_nor_on_the_hub_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    # In a process of its own: the hub's library reads its settings when it is imported.
    script = textwrap.dedent(
        """
        from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
        from seer_rpc.errors import ModelNotFoundError

        for name in ("no-such-org/no-such-model", "./nowhere", "not a valid/id/at all"):
            try:
                ScopedSandbox(SandboxConfig(models=[ModelConfig(name=name)])).start()
            except ModelNotFoundError as error:
                assert name in error.message, error
                assert error.hint
                print("refused", name)
        """
    )
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "HF_HOME": str(tmp_path / "hub")}
    finished = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **state, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert finished.stdout.count("refused") == 3, finished.stderr
    assert not list((tmp_path / "state").rglob("*.sock"))


# Names, modes and moments.


@pytest.mark.parametrize(
    "name", ["two words", "a-dash", "2fast", "class", "", "a.b", "../up", "é!"]
)
def test_a_name_that_cannot_be_imported_is_refused(
    shared: ScopedSandbox, write: Write, name: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        shared.serve(write("@expose\ndef f(): pass\n", "f.py" if name else "a-dash.py"), name=name)

    assert isinstance(caught.value, ValueError)
    assert (name or "a-dash") in caught.value.message
    assert "name=" in caught.value.hint


@pytest.mark.parametrize("name", ["json", "asyncio", "os", "typing"])
def test_a_name_that_would_hide_a_standard_module_is_refused(
    shared: ScopedSandbox, write: Write, name: str
) -> None:
    for file, given in (("f.py", name), (f"{name}.py", None)):
        with pytest.raises(ConfigError, match=name) as caught:
            shared.serve(write("@expose\ndef f(): pass\n", file), name=given)
        assert "name=" in caught.value.hint


def test_a_way_of_exposing_that_is_not_known_is_refused(
    shared: ScopedSandbox, write: Write
) -> None:
    with pytest.raises(ConfigError, match="nonsense") as caught:
        shared.serve(write("@expose\ndef f(): pass\n"), expose_as="nonsense")  # type: ignore[call-overload]

    assert "library" in caught.value.hint


def test_a_sandbox_that_was_not_started_says_so(write: Write) -> None:
    sandbox = ScopedSandbox(SandboxConfig())
    file = write("@expose\ndef f(): pass\n")

    for use in (
        lambda: sandbox.serve(file),
        lambda: sandbox.upload_file(file),
        lambda: sandbox.connection("f"),
        lambda: sandbox.rpc_logs(),
        lambda: sandbox.show_rpc_logs(),
    ):
        with pytest.raises(SandboxError, match="not running") as caught:
            use()
        assert "start" in caught.value.hint


def test_a_sandbox_that_was_terminated_says_so(write: Write) -> None:
    file = write("@expose\ndef f(): return 1\n")
    sandbox = ScopedSandbox(SandboxConfig()).start()
    session = Session(sandbox.connection(sandbox.serve(file).name))
    connection = sandbox.connection("tools")
    sandbox.terminate()

    with pytest.raises(SandboxError, match="not running"):
        sandbox.serve(file)
    with pytest.raises(SandboxLostError):
        session.call("f", [], {})
    with pytest.raises(SandboxLostError):
        Session(connection)
    session.close()


def test_a_closed_session_says_so(functions: Session, shared: ScopedSandbox, write: Write) -> None:
    shared.serve(write("@expose\ndef f(): return 1\n", "closed.py"))
    session = Session(shared.connection("closed"))
    session.close()

    with pytest.raises(SessionError, match="closed"):
        session.call("f", [], {})


def test_an_interface_that_is_not_served_is_named_with_those_that_are(
    shared: ScopedSandbox, write: Write
) -> None:
    shared.serve(write("@expose\ndef f(): return 1\n", "really_served.py"))

    with pytest.raises(InterfaceGoneError, match="'nothing'") as caught:
        Session(shared.connection("nothing"))
    assert "really_served" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/x",
        "/root/../../x",
        "/root/a/../../../x",
        "/rootless/x",
        "/",
        "..",
        "/root",
        "/workspace",
        "a\0b",
    ],
)
def test_an_upload_outside_the_sandbox_is_refused(
    shared: ScopedSandbox, write: Write, path: str
) -> None:
    with pytest.raises(SandboxError) as caught:
        shared.upload_file(write("x = 1\n", "uploaded.py"), path)

    assert repr(str(PurePosixPath("/root", path))) in caught.value.message


def test_an_upload_through_a_link_that_leads_outside_is_refused(
    shared: ScopedSandbox, write: Write, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("untouched")
    shared.serve(
        write(
            """
            from pathlib import Path

            @expose
            def link(name: str, target: str) -> None:
                Path(__file__).with_name(name).symlink_to(target)
            """,
            "linking.py",
        )
    )
    session = Session(shared.connection("linking"))
    session.call("link", ["to_folder", str(outside)], {})
    session.call("link", ["to_file", str(victim)], {})
    session.call("link", ["to_new", str(outside / "new")], {})
    session.close()
    file = write("replaced\n", "upload.txt")

    for path in ("/root/to_folder/x", "/root/to_folder/deep/x"):
        with pytest.raises(SandboxError, match="to_folder"):
            shared.upload_file(file, path)
    for path in ("/root/to_file", "/root/to_new"):
        # The file takes the link's place.
        shared.upload_file(file, path)
        assert shared.read_file(path) == "replaced\n"
    assert victim.read_text() == "untouched"
    assert [path.name for path in outside.iterdir()] == ["victim"]


def test_an_upload_of_what_is_not_there_is_refused(shared: ScopedSandbox, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.txt", tmp_path):
        with pytest.raises(SandboxError, match=str(path)):
            shared.upload_file(path)


def test_a_package_that_is_not_to_be_had_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    config = SandboxConfig(python_packages=["surely-not-installed-anywhere", "numpy>=1"])

    with pytest.raises(PackageMissingError, match="surely-not-installed-anywhere") as caught:
        ScopedSandbox(config).start()
    assert "spelling" in caught.value.hint
    assert "numpy" not in caught.value.message


def test_a_backend_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match="'cloud'"):
        ScopedSandbox(SandboxConfig(), backend="cloud").start()
    monkeypatch.setenv("SEER_BACKEND", "fog")
    with pytest.raises(BackendError, match="'fog'"):
        ScopedSandbox(SandboxConfig()).start()


# Libraries and their sandboxes.


def test_a_library_made_before_an_edit_is_told_that_the_interface_has_changed(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    module = import_library(shared.serve(write("@expose\ndef f(): return 1\n", "changing.py")))
    shared.serve(write("@expose\ndef g(x: int) -> int: return x\n", "changing.py"))

    with pytest.raises(SchemaChangedError, match="'changing'") as caught:
        module.f()
    assert caught.value.changes == ["gone: f() -> Any", "new: g(x: int) -> int"]
    assert all(change in caught.value.message for change in caught.value.changes)
    assert caught.value.hint
    assert caught.value.started is False


def test_an_open_session_is_told_that_the_interface_has_changed(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    module = import_library(
        shared.serve(write("@expose\ndef f(x: int) -> int: return x\n", "in_use.py"))
    )
    assert module.f(1) == 1
    shared.serve(write("@expose\ndef f(x: str) -> str: return x + '!'\n", "in_use.py"))

    # Its state is gone, and so is its schema; calls must not run against another one.
    for _ in range(3):
        with pytest.raises((SchemaChangedError, StateLostError)) as caught:
            module.f(1)
    assert type(caught.value) is SchemaChangedError
    assert caught.value.changes == ["changed: f(x: int) -> int\n    now: f(x: str) -> str"]
    assert str(caught.value).count("now: f(x: str) -> str") == 1


def test_a_library_that_says_the_same_goes_on_when_only_docs_have_changed(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    source = "@expose\ndef f(x: int) -> int:\n    '{}'\n    return x\n"
    module = import_library(shared.serve(write(source.format("Old."), "said.py")))
    shared.serve(write(source.format("New."), "said.py"))

    assert module.f(1) == 1


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "not json", '{"interface": "f"}', '{"a": 1, "b": 2}', "\udcff"],
)
def test_a_damaged_connection_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "connection.json"
    file.touch(mode=0o600)
    file.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(ConnectionFileError, match=r"connection\.json"):
        Connection.read(file)


def test_a_connection_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "connection.json"
    file.write_text(Connection("f", "unix:/nowhere", "t").to_json())
    file.chmod(0o640)

    with pytest.raises(ConnectionFileError, match="others") as caught:
        Connection.read(file)
    assert "chmod 600" in caught.value.hint


def test_a_missing_connection_file_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match=str(tmp_path)) as caught:
        Connection.find("f", tmp_path / "lib" / "_remote.py")
    assert caught.value.hint


def test_an_endpoint_where_nobody_listens_is_a_lost_sandbox(tmp_path: Path) -> None:
    for endpoint in (f"unix:{tmp_path / 'none.sock'}", "127.0.0.1:1"):
        with pytest.raises(SandboxLostError) as caught:
            Session(Connection("f", endpoint, "token"))
        assert isinstance(caught.value, ConnectionError)
        assert caught.value.hint
