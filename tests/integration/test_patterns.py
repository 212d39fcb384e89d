"""Interface files as people write them, each running unchanged."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import InterfaceGoneError, SessionError
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Library, Workspace

ServeSession = Callable[[str], Session]
Write = Callable[..., Path]


def session_with(sandbox: ScopedSandbox, file: Path | str, name: str | None = None) -> Session:
    return Session(sandbox.connection(sandbox.serve(file, name=name).name))


def test_injected_names_need_no_import(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        MODELS = list_configured_models()

        @expose
        def models() -> list:
            return [MODELS, list_configured_models()]

        @expose()
        def can_ask() -> bool:
            return callable(get_model_path)

        def later():
            return 1

        later = expose(later)
        """
    )

    assert session.call("models", [], {}) == [{}, {}]
    assert session.call("can_ask", [], {}) is True
    assert session.call("later", [], {}) == 1


def test_injected_names_are_there_in_sibling_modules_and_in_theirs(
    shared: ScopedSandbox, write: Write
) -> None:
    write(
        """
        try:
            get_model_path
        except NameError:
            raise RuntimeError("not injected") from None
        import pattern_deep

        def models():
            return list_configured_models()
        """,
        "pattern_near.py",
    )
    write(
        """
        MODELS = list_configured_models()

        def models():
            return list_configured_models()

        @expose
        def from_the_depth():
            return __name__
        """,
        "pattern_deep.py",
    )
    file = write(
        """
        from pattern_near import models as near
        import pattern_deep

        @expose
        def all_models():
            return [near(), pattern_deep.models(), pattern_deep.MODELS]
        """,
        "pattern_siblings.py",
    )
    session = session_with(shared, file)

    assert session.call("all_models", [], {}) == [{}, {}, {}]
    assert session.call("from_the_depth", [], {}) == "pattern_deep"
    session.close()


def test_a_fallback_for_plain_python_gives_way_to_the_injected_names(
    serve_session: ServeSession,
) -> None:
    session = serve_session(
        """
        try:
            expose
            inside = True
        except NameError:
            inside = False

            def expose(function):
                return function

        @expose
        def is_inside() -> bool:
            return inside
        """
    )

    assert session.call("is_inside", [], {}) is True


def test_names_imported_for_the_editor_are_the_injected_ones(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        import builtins
        from seer_rpc.interface import expose, get_model_path, list_configured_models

        @expose
        def same() -> bool:
            return expose is builtins.expose and get_model_path is builtins.get_model_path
        """
    )

    assert session.call("same", [], {}) is True


def test_expose_gives_the_function_itself_back(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        def plain(x):
            return x

        kept = plain
        marked = expose(plain)

        @expose
        def is_itself() -> bool:
            return marked is kept
        """
    )

    assert session.call("is_itself", [], {}) is True


def test_a_model_loaded_inside_the_first_call_is_there_in_the_second(
    serve_session: ServeSession,
) -> None:
    session = serve_session(
        """
        import time
        from typing import Optional

        _model: Optional[dict] = None
        loads: int = 0

        def get_model():
            global _model, loads
            if _model is None:
                time.sleep(1.0)
                _model = {"weights": [1, 2]}
                loads += 1
            return _model

        @expose
        def generate(n: int = 1) -> list:
            return get_model()["weights"] * n

        @expose
        def load_count() -> int:
            return loads
        """
    )

    assert session.call("generate", [], {}) == [1, 2]
    assert session.call("generate", [], {"n": 2}) == [1, 2, 1, 2]
    assert session.call("load_count", [], {}) == 1


def test_module_lists_can_be_rebound_and_cut(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        history: list[dict] = []
        LIMIT = 3

        @expose
        def say(text: str) -> list:
            history.append({"role": "user", "content": text, "extra": None})
            return history

        @expose
        def rollback(count: int = 1) -> int:
            global history
            history = history[:-count]
            return len(history)

        def _shorten():
            history[:] = history[-LIMIT:]

        @expose
        def shorten() -> list[str]:
            _shorten()
            return [each["content"] for each in history]
        """
    )
    for text in "abcdef":
        session.call("say", [text], {})

    assert session.call("rollback", [], {"count": 2}) == 4
    assert session.call("shorten", [], {}) == ["b", "c", "d"]


def test_a_dictionary_of_tensors_is_kept_by_id(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        import torch

        vectors: dict[str, torch.Tensor] = {}

        @expose
        def compute(seed: int) -> str:
            torch.manual_seed(seed)
            key = f"vector-{len(vectors)}"
            vectors[key] = torch.randn(16)
            return key

        @expose
        def norm(key: str) -> float:
            return vectors[key].norm().item()
        """
    )
    first, second = (session.call("compute", [seed], {}) for seed in (1, 2))

    assert first != second
    assert session.call("norm", [first], {}) > 0
    assert session.call("norm", [first], {}) != session.call("norm", [second], {})


def test_an_async_client_is_run_inside_a_sync_function(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        import asyncio

        class Client:
            def __init__(self):
                self.calls = 0

            async def ask(self, text):
                await asyncio.sleep(0.001)
                self.calls += 1
                return text.upper()

        client = Client()

        @expose
        def ask_all(texts: list[str]) -> list[str]:
            async def run():
                return await asyncio.gather(*(client.ask(text) for text in texts))

            return asyncio.run(run())

        @expose
        def ask_on_a_loop(text: str) -> str:
            loop = asyncio.new_event_loop()
            try:
                return loop.run_until_complete(client.ask(text))
            finally:
                loop.close()
        """
    )

    assert session.call("ask_all", [["a", "b"]], {}) == ["A", "B"]
    assert session.call("ask_all", [["c"]], {}) == ["C"]
    assert session.call("ask_on_a_loop", ["d"], {}) == "D"


ENVIRONMENT = """
import os

class Client:
    def __init__(self):
        self.key = os.environ["SEER_TEST_KEY"]

client = Client()

@expose
def key() -> str:
    return client.key

@expose
def variable(name: str):
    return os.environ.get(name)

@expose
def all_variables() -> dict:
    return dict(os.environ)
"""


def test_secrets_and_env_are_there_when_the_interface_loads_and_nothing_else_is(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_TEST_KEY", "k → ü = 'x'\nsecond line")
    monkeypatch.setenv("SEER_TEST_UNNAMED", "do-not-pass-on")
    monkeypatch.setenv("OPENAI_API_KEY", "do-not-pass-on-either")
    config = SandboxConfig(secrets=["SEER_TEST_KEY"], env={"MODE": "fast", "EMPTY": ""})
    with ScopedSandbox(config) as sandbox:
        session = session_with(sandbox, write(ENVIRONMENT))

        assert session.call("key", [], {}) == "k → ü = 'x'\nsecond line"
        assert session.call("variable", ["MODE"], {}) == "fast"
        assert session.call("variable", ["EMPTY"], {}) == ""
        assert session.call("variable", ["SEER_TEST_UNNAMED"], {}) is None
        everything = session.call("all_variables", [], {})
        assert not [value for value in everything.values() if "do-not-pass-on" in value]
        session.close()


def test_a_secret_that_is_not_set_here_is_a_warning(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEER_TEST_KEY", raising=False)
    sandbox = ScopedSandbox(SandboxConfig(secrets=["SEER_TEST_KEY"]))

    with pytest.warns(UserWarning, match="SEER_TEST_KEY"):
        sandbox.start()
    sandbox.terminate()


def test_an_argument_that_is_python_source_is_executed(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        @expose
        def run_code(code: str, name: str = "result"):
            scope = {"__name__": "submitted"}
            exec(code, scope)
            return scope[name]
        """
    )
    code = 'def f(x):\n    """Quotes \'\'\' and \\\\ too."""\n    return x * 2\n\nresult = f(21)\n'

    assert session.call("run_code", [code], {}) == 42


def test_without_isolation_a_file_written_under_tmp_is_on_this_machine_too(
    write: Callable[..., Path],
) -> None:
    file = Path(f"/tmp/seer-test-{uuid.uuid4().hex}")
    tools = write(
        """
        from pathlib import Path

        @expose
        def save(path: str, text: str) -> int:
            return Path(path).write_text(text)

        @expose
        def read(path: str) -> str:
            return Path(path).read_text()
        """
    )
    with ScopedSandbox(SandboxConfig(isolation="none")) as sandbox:
        session = Session(sandbox.serve(tools).connection)
        session.call("save", [str(file), "from inside"], {})
        assert file.read_text() == "from inside"
        file.write_text("from outside")
        assert session.call("read", [str(file)], {}) == "from outside"
        session.close()
    file.unlink()


def test_a_file_may_begin_with_a_blank_line_and_have_neither_docstring_nor_imports(
    shared: ScopedSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "blank_start.py"
    file.write_text("\n@expose\ndef one():\n    return 1\n")
    session = session_with(shared, file)

    assert session.call("one", [], {}) == 1
    session.close()


def test_windows_line_ends_a_byte_order_mark_and_a_coding_line_are_python_too(
    shared: ScopedSandbox, tmp_path: Path
) -> None:
    marked = tmp_path / "marked.py"
    marked.write_bytes(b"\xef\xbb\xbf@expose\r\ndef one():\r\n    return '\xc3\xa9'\r\n")
    latin = tmp_path / "latin.py"
    latin.write_bytes(b"# -*- coding: latin-1 -*-\n@expose\ndef one():\n    return '\xe9'\n")

    for file in (marked, latin):
        session = session_with(shared, file)
        assert session.call("one", [], {}) == "é"
        session.close()


def test_the_main_block_does_not_run(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        ran = False

        @expose
        def has_run() -> bool:
            return ran

        if __name__ == "__main__":
            ran = True
            raise SystemExit("this must not run")
        """
    )

    assert session.call("has_run", [], {}) is False


def test_the_module_is_a_real_one(shared: ScopedSandbox, write: Write) -> None:
    file = write(
        """
        import inspect
        import pickle
        import sys
        from dataclasses import dataclass
        from pathlib import Path

        @dataclass
        class Point:
            x: int

        class Plain:
            pass

        @expose
        def where() -> list:
            return [__file__, Path(__file__).read_text(), str(Path.cwd())]

        @expose
        def source() -> str:
            return inspect.getsource(source)

        @expose
        def pickled() -> bool:
            return pickle.loads(pickle.dumps(Point(3))) == Point(3) and type(
                pickle.loads(pickle.dumps(Plain()))
            ) is Plain

        @expose
        def is_registered() -> bool:
            return sys.modules[__name__].Point is Point and __spec__.name == __name__
        """,
        "real_module.py",
    )
    session = session_with(shared, file)

    path, text, working_directory = session.call("where", [], {})
    assert text == file.read_text()
    assert Path(path).name == "real_module.py"
    assert Path(path).parent == Path(working_directory)
    assert session.call("source", [], {}).startswith("@expose\ndef source()")
    assert session.call("pickled", [], {}) is True
    assert session.call("is_registered", [], {}) is True
    session.close()


def test_a_long_docstring_is_kept_whole(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    file = write(
        '''
        """An interface.

        With "quotes", \\\\ and {braces}.
        """

        @expose
        def steer(prompt: str, layer: int = 12, strength: float = 1.0) -> dict:
            """Steer the model.

            The first paragraph → with an arrow.

            The second one, with code:

                >>> steer("a", layer=3)

            Args:
                prompt: What to say.
                layer: Which layer;
                    on two lines.
                strength: How much.

            Returns:
                A dictionary with "text".

            Raises:
                ValueError: never.
            """
            return {"text": prompt, "layer": layer, "strength": strength}
        ''',
        "long_docs.py",
    )
    library = shared.serve(file)
    module = import_library(library)

    doc = inspect.getdoc(module.steer)
    assert doc is not None
    assert doc.startswith("Steer the model.\n\nThe first paragraph → with an arrow.\n\n")
    assert '    >>> steer("a", layer=3)' in doc
    assert "on two lines." in doc
    assert inspect.cleandoc(module.__doc__ or "").startswith("An interface.")
    assert 'With "quotes"' in (module.__doc__ or "")
    assert doc in library.docs
    assert module.steer("x", strength=2.0) == {"text": "x", "layer": 12, "strength": 2.0}


def test_results_as_people_return_them(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        import json

        RESULT = {
            "scores": [i / 3 for i in range(5000)],
            "nested": {"a": None, "b": {"c": [None, {"d": None}]}},
            "text": "<think>→ 🚀</think>\\n" * 2000,
        }

        @expose
        def result() -> dict:
            return RESULT

        @expose
        def as_json() -> str:
            return json.dumps(RESULT)
        """
    )
    result = session.call("result", [], {})

    assert result["scores"] == [index / 3 for index in range(5000)]
    assert result["nested"] == {"a": None, "b": {"c": [None, {"d": None}]}}
    assert result["text"] == "<think>→ 🚀</think>\n" * 2000
    assert isinstance(session.call("as_json", [], {}), str)


def test_one_sandbox_serves_several_interfaces_each_with_a_state_of_its_own(
    serve_session: ServeSession,
) -> None:
    source = """
        import os

        count = {start}

        @expose
        def up() -> int:
            global count
            count += 1
            return count

        @expose
        def process() -> int:
            return os.getpid()
    """
    first, second = (serve_session(source.format(start=start)) for start in (0, 100))

    assert [first.call("up", [], {}), first.call("up", [], {})] == [1, 2]
    assert second.call("up", [], {}) == 101
    assert first.call("process", [], {}) != second.call("process", [], {})


def test_two_files_of_one_name_from_different_folders_are_both_served(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    source = """
        from shared_name_helper import WHO

        @expose
        def who() -> str:
            return WHO
    """
    libraries = []
    for who in ("ann", "bob"):
        write(f"WHO = {who!r}\n", f"{who}/shared_name_helper.py")
        file = write(source, f"{who}/shared_name.py")
        libraries.append(shared.serve(file, name=f"shared_{who}"))

    modules = [import_library(library) for library in libraries]
    assert [module.who() for module in modules] == ["ann", "bob"]
    # And once more, the first one's helper being the older one.
    again = session_with(shared, write(source, "ann/shared_name.py"), "shared_ann")
    assert again.call("who", [], {}) == "ann"
    again.close()


def test_serving_a_name_again_after_an_edit_gives_the_new_code(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    source = (
        "from edited_helper import PART\n\n@expose\ndef text() -> str:\n    return {!r} + PART\n"
    )
    write("PART = ' one'\n", "edited_helper.py")
    module = import_library(shared.serve(write(source.format("version"), "edited.py")))
    assert module.text() == "version one"

    # The same length, within the same second: no cache of compiled code may hide it.
    write("PART = ' two'\n", "edited_helper.py")
    again = import_library(shared.serve(write(source.format("edition"), "edited.py")))

    assert again.text() == "edition two"


def test_serving_a_name_again_with_another_signature_gives_a_new_library(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    first = import_library(shared.serve(write("@expose\ndef f(): return 1\n", "resigned.py")))
    assert first.f() == 1
    second = import_library(shared.serve(write("@expose\ndef f(x): return x\n", "resigned.py")))

    assert second.f(2) == 2
    # The old one belongs to a session that has ended; it is told so, and hangs nowhere.
    with pytest.raises(SessionError) as caught:
        first.f()
    assert not isinstance(caught.value, InterfaceGoneError)


def test_the_library_works_inside_async_def_main(write: Write, tmp_path: Path) -> None:
    file = write("@expose\ndef add(a: int, b: int = 1) -> int:\n    return a + b\n", "in_async.py")

    async def main() -> list[int]:
        with ScopedSandbox(SandboxConfig()) as sandbox:
            session = session_with(sandbox, file)
            here = session.call("add", [1], {})
            there = await session.call_async("add", [1], {"b": 5})
            elsewhere = await asyncio.to_thread(session.call, "add", [1, 9], {})
            session.close()
        return [here, there, elsewhere]

    assert asyncio.run(main()) == [2, 6, 10]


@pytest.mark.parametrize("path", ["relative.py", "./relative.py", Path("relative.py")])
def test_paths_are_relative_to_the_current_folder(
    shared: ScopedSandbox, write: Write, monkeypatch: pytest.MonkeyPatch, path: str | Path
) -> None:
    file = write("@expose\ndef one(): return 1\n", "relative.py")
    monkeypatch.chdir(file.parent)
    session = Session(shared.connection(shared.serve(path).name))

    assert session.call("one", [], {}) == 1
    session.close()


def test_a_file_reached_through_a_link_and_one_in_a_folder_with_spaces_are_served(
    shared: ScopedSandbox, write: Write, tmp_path: Path
) -> None:
    file = write("@expose\ndef one(): return 1\n", "with spaces & ünïcode/linked_to.py")
    link = tmp_path / "linked.py"
    link.symlink_to(file)

    for path in (file, link):
        session = session_with(shared, path)
        assert session.call("one", [], {}) == 1
        session.close()


@pytest.mark.parametrize("stem", ["json", "types", "queue", "logging", "a-dash", "2fast", "class"])
def test_a_file_may_have_any_name_if_the_library_gets_a_good_one(
    scoped: ScopedSandbox, write: Write, stem: str
) -> None:
    file = write("import json\n\n@expose\ndef one(): return json.loads('1')\n", f"{stem}.py")
    session = session_with(scoped, file, "well_named")
    # Twice: a file in the sandbox must not get in the way of the next worker.
    other = session_with(scoped, write("@expose\ndef two(): return 2\n", "other.py"))

    assert session.call("one", [], {}) == 1
    assert other.call("two", [], {}) == 2
    session.close()
    other.close()


def test_an_interface_named_like_a_standard_module_does_not_hide_it(
    scoped: ScopedSandbox, write: Write
) -> None:
    plain = write("@expose\ndef one(): return 1\n", "a/statistics.py")
    user = write(
        "import statistics\n\n@expose\ndef mean(x): return statistics.mean(x)\n", "b/other.py"
    )
    named = session_with(scoped, plain, "well_named")
    other = session_with(scoped, user)

    assert named.call("one", [], {}) == 1
    assert other.call("mean", [[1, 3]], {}) == 2
    named.close()
    other.close()


def test_a_module_of_another_packages_name_is_not_confused_with_it(
    shared: ScopedSandbox, write: Write
) -> None:
    file = write(
        """
        import numpy

        @expose
        def total() -> int:
            return int(numpy.arange(3).sum())
        """,
        "interface_of_numpy.py",
    )
    session = session_with(shared, file, "numbers_of_mine")

    assert session.call("total", [], {}) == 3
    session.close()


def test_an_interface_imported_as_a_plain_module_can_be_tested_here(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(
        """
        from seer_rpc.interface import expose, list_configured_models

        @expose
        def double(x: int) -> int:
            return 2 * x

        @expose()
        def models() -> dict:
            return list_configured_models()
        """,
        "plainly_imported.py",
    )
    monkeypatch.syspath_prepend(file.parent)
    module = importlib.import_module("plainly_imported")

    assert module.double(4) == 8
    assert module.models() == {}


def test_future_annotations_and_hints_as_text_are_understood(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    file = write(
        """
        from __future__ import annotations

        from typing import List, Optional

        @expose
        def both(a: Optional[List[int]] = None, b: "int | None" = None) -> list[int | None]:
            return [*(a or []), b]
        """,
        "future_hints.py",
    )
    module = import_library(shared.serve(file))

    assert module.both([1], 2) == [1, 2]
    assert module.both() == [None]


def test_an_interface_starts_threads_and_processes_of_its_own(serve_session: ServeSession) -> None:
    session = serve_session(
        """
        import multiprocessing
        import subprocess
        import sys
        import threading

        found = []

        def work():
            found.append(threading.current_thread().name)

        @expose
        def in_thread() -> list:
            thread = threading.Thread(target=work, name="mine")
            thread.start()
            thread.join()
            return found

        @expose
        def in_process() -> str:
            command = [sys.executable, "-c", "print(6 * 7)"]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout

        @expose
        def in_pool() -> list:
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(abs, [-1, -2])
        """
    )

    assert session.call("in_thread", [], {}) == ["mine"]
    assert session.call("in_process", [], {}) == "42\n"
    assert session.call("in_pool", [], {}) == [1, 2]


def test_a_wrapped_function_a_partial_signature_and_a_closure_are_exposed(
    serve_session: ServeSession,
) -> None:
    session = serve_session(
        """
        import functools

        def logged(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return ["logged", function(*args, **kwargs)]
            return wrapper

        @expose
        @logged
        def outer(x: int, y: int = 2) -> list:
            return [x, y]

        def make(n):
            def scaled(x: int) -> int:
                return n * x
            return expose(scaled)

        make(5)
        """
    )

    assert session.call("outer", [1], {}) == ["logged", [1, 2]]
    assert session.call("scaled", [3], {}) == 15


def test_a_served_library_is_mixed_with_a_file_library(
    shared: ScopedSandbox, write: Write, import_library: Callable[[Library], ModuleType]
) -> None:
    helpers = Library.from_code(
        textwrap.dedent(
            """
            import mixed_served

            def twice(x):
                return mixed_served.add(x, x)
            """
        ),
        name="mixed_helpers",
    )
    served = write(
        "@expose\ndef add(a: int, b: int) -> int:\n    return a + b\n", "mixed_served.py"
    )
    import_library(shared.serve(served))

    assert import_library(helpers).twice(4) == 8


def test_a_library_imported_again_is_that_of_the_latest_session(
    shared: ScopedSandbox, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    first = shared.serve(write("@expose\ndef who(): return 'one'\n", "one/same_name.py"))
    create_local_session(Workspace(libraries=[first]), tmp_path / "first")
    import same_name  # type: ignore[import-not-found]

    assert same_name.who() == "one"

    with ScopedSandbox() as other:
        second = other.serve(write("@expose\ndef who(): return 'two'\n", "two/same_name.py"))
        create_local_session(Workspace(libraries=[second]), tmp_path / "second")
        import same_name

        assert same_name.who() == "two"
        same_name._remote.close()
