"""An interface's own exceptions, raised in a sandbox and caught as classes of the library."""

from __future__ import annotations

import asyncio
import importlib
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import RemoteError, RemoteExit
from seer_rpc.workspace import Library

SIBLING = """
    class WordError(Exception):
        '''Something about words.'''

        def __init__(self, text, position, **more):
            super().__init__(f"{text!r} at {position}")
            self.text, self.position = text, position
            vars(self).update(more)

    class EmptyTextError(WordError, ValueError):
        '''There is no word.'''
    """

INTERFACE = """
    import asyncio
    import json
    from own_words import EmptyTextError, WordError

    class SlowError(TimeoutError):
        def __init__(self, seconds):
            self.seconds = seconds

    class _PrivateError(EmptyTextError):
        pass

    class Quit(SystemExit):
        pass

    @expose
    def count(text: str) -> int:
        if not text:
            raise EmptyTextError(text, 0, words=["a", {"b": 1.5}], lines=None)
        return len(text.split())

    @expose
    def raise_odd_attributes() -> None:
        raise EmptyTextError(
            "", 1, message="theirs", hint="theirs", args_=(1,), file=print, large="x" * 20_000,
            state="theirs", exception="theirs", with_traceback="theirs", _hidden=1, last=2,
        )

    @expose
    def raise_private() -> None:
        raise _PrivateError("", 2)

    @expose
    def raise_from() -> None:
        try:
            json.loads("x")
        except ValueError as error:
            failed = WordError("x", 3)
            failed.add_note("look at the first word")
            raise failed from error

    @expose
    async def raise_later() -> None:
        await asyncio.sleep(0)
        raise SlowError(1.5)

    @expose
    def stream():
        yield 1
        raise EmptyTextError("", 4)

    @expose
    def raise_builtin() -> None:
        error = KeyError("missing")
        error.table = "words"
        raise error

    @expose
    def quit() -> None:
        raise Quit(3)
    """


@pytest.fixture(scope="module")
def library(
    shared: ScopedSandbox,
    interface_file: Callable[[str], Path],
    import_library: Callable[[Library], ModuleType],
) -> Any:
    file = interface_file(INTERFACE)
    (file.parent / "own_words.py").write_text(textwrap.dedent(SIBLING))
    return import_library(shared.serve(file, name="own_error_tools"))


def caught(function: Callable[..., object], *args: object) -> Any:
    try:
        function(*args)
    except RemoteError as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_librarys_class_is_raised_with_everything_that_an_error_has(library: Any) -> None:
    assert library.count("one two") == 2
    with pytest.raises(library.EmptyTextError) as raised:
        library.count("")

    error = raised.value
    assert type(error) is library.EmptyTextError
    assert isinstance(error, library.WordError)
    assert isinstance(error, ValueError)
    assert isinstance(error, RemoteError)
    assert error.exception == "own_words.EmptyTextError"
    assert error.message == "own_words.EmptyTextError: '' at 0"
    assert error.args == (error.message,)
    assert (error.started, error.state, error.hint) == (True, "kept", "")
    assert "raise EmptyTextError(text, 0" in error.remote_traceback
    assert library.EmptyTextError.__doc__ == "There is no word."


def test_its_plain_attributes_arrive(library: Any) -> None:
    error = caught(library.count, "")

    assert (error.text, error.position, error.lines) == ("", 0, None)
    assert error.words == ["a", {"b": 1.5}]


def test_what_cannot_cross_or_is_taken_is_left_out(library: Any) -> None:
    error = caught(library.raise_odd_attributes)

    assert error.message == "own_words.EmptyTextError: '' at 1"
    assert (error.hint, error.state, error.exception) == ("", "kept", "own_words.EmptyTextError")
    assert callable(error.with_traceback)
    assert (error.position, error.last) == (1, 2)
    for name in ("args_", "file", "large", "_hidden"):
        assert not hasattr(error, name)


def test_a_base_catches_what_is_derived_from_it_private_classes_too(library: Any) -> None:
    with pytest.raises(library.WordError):
        library.count("")
    with pytest.raises(library.EmptyTextError) as raised:
        library.raise_private()

    assert not hasattr(library, "_PrivateError")
    assert raised.value.exception.endswith("._PrivateError")


def test_causes_and_notes_are_in_the_remote_traceback(library: Any) -> None:
    text = caught(library.raise_from).remote_traceback

    assert text.index("JSONDecodeError") < text.index("direct cause") < text.index("WordError: 'x'")
    assert text.endswith("look at the first word\n")


def test_async_functions_and_streams_raise_the_librarys_classes(library: Any) -> None:
    aio = importlib.import_module(f"{library.__name__}.aio")

    with pytest.raises(library.SlowError) as raised:
        asyncio.run(aio.raise_later())
    assert raised.value.seconds == 1.5
    assert isinstance(raised.value, TimeoutError)
    with pytest.raises(aio.SlowError):
        library.raise_later()
    stream = library.stream()
    assert next(stream) == 1
    with pytest.raises(library.EmptyTextError):
        next(stream)


def test_builtin_exceptions_are_what_they_were_and_have_their_attributes(library: Any) -> None:
    error = caught(library.raise_builtin)

    assert error.table == "words"
    assert isinstance(error, KeyError)


def test_what_ends_the_process_is_an_exit_as_ever(library: Any) -> None:
    assert not hasattr(library, "Quit")
    with pytest.raises(RemoteExit):
        library.quit()


def test_an_error_is_unpickled_in_a_process_that_has_the_library(
    library: Any, tmp_path: Path
) -> None:
    error = caught(library.count, "")
    (tmp_path / "error").write_bytes(pickle.dumps(error))
    code = f"""
        import pickle, sys
        sys.path.insert(0, {str(Path(library.__file__).parents[1])!r})
        error = pickle.load(open("error", "rb"))
        import own_error_tools
        assert type(error) is own_error_tools.EmptyTextError
        print(error.position, error.words, error.exception)
        """

    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout == "0 ['a', {'b': 1.5}] own_words.EmptyTextError\n"
    twin = pickle.loads((tmp_path / "error").read_bytes())
    assert (type(twin), vars(twin)) == (type(error), vars(error))


def test_exceptions_count_in_what_an_interface_is(
    shared: ScopedSandbox, interface_file: Callable[[str], Path]
) -> None:
    sources = ["class E(Exception): ...", "class F(Exception): ...", ""]
    schemas = [
        shared.serve(interface_file(f"@expose\ndef f(): ...\n{source}"), name="counted").schema
        for source in sources
    ]

    assert [[each.name for each in schema.exceptions] for schema in schemas] == [["E"], ["F"], []]
    assert len({schema.hash for schema in schemas}) == 3
