"""What an interface needs besides itself: modules beside it, and files that come later."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    ConfigError,
    InterfaceLoadError,
    InterfacePendingError,
    InterfaceSyntaxError,
    NothingExposedError,
    SeerError,
)
from seer_rpc.workspace import Library, Workspace

Write = Callable[..., Path]
NEEDY = """
    from target_agent import TargetAgent

    agent = TargetAgent("tester")

    @expose
    def greet(name: str) -> str:
        return agent.greet(name)
"""
AGENT = """
    class TargetAgent:
        def __init__(self, role):
            self.role = role

        def greet(self, name):
            return f"{self.role} greets {name}"
"""


def call(sandbox: ScopedSandbox, interface: str, function: str, *args: object) -> object:
    session = Session(sandbox.connection(interface))
    try:
        result: object = session.call(function, args, {})
    finally:
        session.close()
    return result


def test_an_interface_waits_for_a_module_that_is_uploaded_later(
    scoped: ScopedSandbox,
    write: Write,
    import_library: Callable[[Library], ModuleType],
    capfd: pytest.CaptureFixture[str],
) -> None:
    library = scoped.serve(write(NEEDY, "a/waiting.py"))

    assert library.name == "waiting"
    out, err = capfd.readouterr()
    assert out == ""
    assert "target_agent" in err
    for use in (lambda: library.files, lambda: library.docs, lambda: library.schema):
        with pytest.raises(InterfacePendingError, match="target_agent") as caught:
            use()
        assert caught.value.module == "target_agent"
        assert "upload_file" in caught.value.hint

    scoped.upload_file(write(AGENT, "b/target_agent.py"))

    assert import_library(library).greet("Ann") == "tester greets Ann"
    assert "greet" in library.docs


def test_a_session_with_an_interface_that_waits_is_told_what_for(
    scoped: ScopedSandbox, write: Write
) -> None:
    scoped.serve(write(NEEDY, "a/waiting.py"))

    with pytest.raises(InterfacePendingError, match="target_agent"):
        Session(scoped.connection("waiting"))
    # And the caller of a worker that never was is not left waiting.
    scoped.upload_file(write(AGENT, "b/target_agent.py"))
    assert call(scoped, "waiting", "greet", "Bob") == "tester greets Bob"


def test_two_missing_modules_are_brought_one_after_the_other(
    scoped: ScopedSandbox, write: Write
) -> None:
    library = scoped.serve(
        write(
            """
            import first_missing
            import second_missing

            @expose
            def both() -> list[str]:
                return [first_missing.X, second_missing.X]
            """,
            "a/two_waits.py",
        )
    )
    with pytest.raises(InterfacePendingError, match="first_missing"):
        _ = library.files

    scoped.upload_file(write("X = 'one'\n", "b/first_missing.py"))
    with pytest.raises(InterfacePendingError, match="second_missing") as caught:
        _ = library.files
    assert caught.value.module == "second_missing"

    scoped.upload_file(write("X = 'two'\n", "b/second_missing.py"))
    assert "both" in library.docs
    assert call(scoped, "two_waits", "both") == ["one", "two"]


def test_an_upload_of_something_else_leaves_an_interface_waiting(
    scoped: ScopedSandbox, write: Write
) -> None:
    library = scoped.serve(write(NEEDY, "a/waiting.py"))
    scoped.upload_file(write("{}", "b/data.json"))

    with pytest.raises(InterfacePendingError, match="target_agent"):
        _ = library.files


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("raise ValueError('a bad agent')\n", InterfaceLoadError, "ValueError: a bad agent"),
        ("class TargetAgent(:\n", InterfaceSyntaxError, "target_agent.py"),
        ("X = 1\n", InterfaceLoadError, "TargetAgent"),
        ("import os; os._exit(3)\n", InterfaceLoadError, "status 3"),
    ],
)
def test_another_failure_after_an_upload_is_raised_by_the_upload(
    scoped: ScopedSandbox, write: Write, source: str, error: type[SeerError], words: str
) -> None:
    library = scoped.serve(write(NEEDY, "a/waiting.py"))

    with pytest.raises(error) as caught:
        scoped.upload_file(write(source, "b/target_agent.py"))
    assert words in str(caught.value)
    # The library says so too, whenever it is asked.
    with pytest.raises(SeerError) as later:
        _ = library.files
    assert type(later.value) is error
    # It waits no longer; other uploads are none of its business.
    scoped.upload_file(write("x = 1\n", "b/unrelated.py"))
    # Serving it again with a good sibling mends it.
    scoped.upload_file(write(AGENT, "b/target_agent.py"))
    scoped.serve(write(NEEDY, "a/waiting.py"))
    assert call(scoped, "waiting", "greet", "Eve") == "tester greets Eve"


def test_one_upload_loads_all_that_waited_for_it_and_tells_of_each_that_fails(
    scoped: ScopedSandbox, write: Write
) -> None:
    for name in ("first", "second"):
        scoped.serve(
            write(f"{textwrap.dedent(NEEDY)}\nraise ValueError('bad {name}')", f"{name}.py")
        )
    scoped.serve(write(NEEDY, "third.py"))

    with pytest.raises(InterfaceLoadError, match="bad first") as caught:
        scoped.upload_file(write(AGENT, "b/target_agent.py"))
    (note,) = caught.value.__notes__
    assert note.startswith("second failed, too: ValueError: bad second")
    assert call(scoped, "third", "greet", "Ann") == "tester greets Ann"


def test_an_interface_that_waits_can_be_replaced(scoped: ScopedSandbox, write: Write) -> None:
    scoped.serve(write(NEEDY, "a/waiting.py"))
    library = scoped.serve(write("@expose\ndef one(): return 1\n", "a/waiting.py"))

    assert "one" in library.docs
    scoped.upload_file(write(AGENT, "b/target_agent.py"))
    assert call(scoped, "waiting", "one") == 1


def test_modules_beside_an_interface_come_with_it(shared: ScopedSandbox, write: Write) -> None:
    write("from bundled_second import VALUE\n", "bundled_first.py")
    write("from bundled_package.deep.er import VALUE\n", "bundled_second.py")
    write("", "bundled_package/__init__.py")
    write("", "bundled_package/deep/__init__.py")
    write(
        """
        from importlib import resources
        from pathlib import Path

        VALUE = [
            Path(__file__).with_name("data.txt").read_text(),
            resources.files("bundled_package").joinpath("table.bin").read_bytes(),
        ]
        """,
        "bundled_package/deep/er.py",
    )
    write("near the code\n", "bundled_package/deep/data.txt")
    table = write("", "bundled_package/table.bin")
    table.write_bytes(b"\x00\xff")
    file = write(
        """
        import bundled_first

        @expose
        def value() -> list:
            return bundled_first.VALUE

        @expose
        def lazy() -> str:
            from bundled_late import TEXT
            return TEXT
        """,
        "bundled.py",
    )
    write("TEXT = 'imported inside a function'\n", "bundled_late.py")
    write("raise RuntimeError('nobody imports this')\n", "bundled_unrelated.py")
    shared.serve(file)

    assert call(shared, "bundled", "value") == ["near the code\n", b"\x00\xff"]
    assert call(shared, "bundled", "lazy") == "imported inside a function"


def test_only_what_is_imported_comes_with_an_interface(shared: ScopedSandbox, write: Write) -> None:
    write("x = 1\n", "needed_sibling.py")
    write("secret = 1\n", "unneeded_sibling.py")
    file = write(
        """
        import os
        from pathlib import Path

        import needed_sibling

        @expose
        def neighbours() -> list[str]:
            return os.listdir(Path(__file__).parent)
        """,
        "choosy.py",
    )
    shared.serve(file)
    neighbours = call(shared, "choosy", "neighbours")

    assert isinstance(neighbours, list)
    assert "needed_sibling.py" in neighbours
    assert "unneeded_sibling.py" not in neighbours


def test_two_interfaces_import_each_other_and_a_module_may_import_the_interface(
    shared: ScopedSandbox, write: Write
) -> None:
    write(
        """
        def name():
            import circular
            return circular.NAME
        """,
        "circular_helper.py",
    )
    file = write(
        """
        import circular_helper

        NAME = "of the interface"
        loads = 0
        loads += 1

        @expose
        def name() -> list:
            return [circular_helper.name(), loads]
        """,
        "circular.py",
    )
    shared.serve(file)

    assert call(shared, "circular", "name") == ["of the interface", 1]


def test_a_sibling_is_found_under_type_checking_try_and_star_imports(
    shared: ScopedSandbox, write: Write
) -> None:
    write("STAR = 'star'\n", "starred_sibling.py")
    write("FALLBACK = 'fallback'\n", "fallback_sibling.py")
    file = write(
        """
        from starred_sibling import *

        try:
            from surely_not_installed import FALLBACK
        except ImportError:
            from fallback_sibling import FALLBACK

        @expose
        def both() -> list[str]:
            return [STAR, FALLBACK]
        """,
        "fallbacks.py",
    )
    shared.serve(file)

    assert call(shared, "fallbacks", "both") == ["star", "fallback"]


def test_an_import_that_fails_inside_a_call_is_the_callers_error(
    shared: ScopedSandbox, write: Write
) -> None:
    shared.serve(write("@expose\ndef f():\n    import surely_not_installed\n", "importing_late.py"))

    with pytest.raises(ModuleNotFoundError, match="surely_not_installed"):
        call(shared, "importing_late", "f")


def test_files_and_folders_of_the_config_are_there_before_the_interface_loads(
    write: Write, tmp_path: Path
) -> None:
    data = write("one\n", "host/data.txt")
    module = write("WORD = 'from local_files'\n", "host/configured_module.py")
    write("deep\n", "host/folder/a/b.txt")
    write("top\n", "host/folder/c.txt")
    config = SandboxConfig(
        local_files=[
            (str(data), "/workspace/in/data.txt"),
            (str(module), "/root/configured_module.py"),
        ],
        local_dirs=[(str(tmp_path / "host" / "folder"), "/root/folder")],
    )
    file = write(
        """
        from pathlib import Path

        import configured_module

        HOME = Path(__file__).parent
        TREE = sorted(str(p.relative_to(HOME / "folder")) for p in (HOME / "folder").rglob("*.txt"))

        @expose
        def found() -> list:
            workspace = HOME.parent / "workspace" / "in" / "data.txt"
            return [configured_module.WORD, TREE, workspace.read_text()]
        """,
        "configured.py",
    )
    with ScopedSandbox(config) as sandbox:
        sandbox.serve(file)

        assert call(sandbox, "configured", "found") == [
            "from local_files",
            ["a/b.txt", "c.txt"],
            "one\n",
        ]


@pytest.mark.parametrize("field", ["local_files", "local_dirs"])
def test_a_local_path_that_is_not_there_is_refused_when_it_is_written_down(field: str) -> None:
    with pytest.raises(ConfigError, match="/nowhere/at/all") as caught:
        SandboxConfig(**{field: [("/nowhere/at/all", "/root/x")]})  # type: ignore[arg-type]
    assert field in caught.value.message


def test_libraries_of_the_workspace_are_importable_by_the_interface(write: Write) -> None:
    package = Library(
        "workspace_package", {"__init__.py": "from .part import X\n", "part.py": "X = 'package'\n"}
    )
    single = Library.from_code("def double(x):\n    return 2 * x\n", name="workspace_single")
    from_file = Library.from_file(write("X = 'file'\n", "workspace_file.py"), name="renamed_file")
    sandbox = ScopedSandbox(SandboxConfig()).start(
        workspace=Workspace(libraries=[package, single, from_file]), name="with-libraries"
    )
    file = write(
        """
        import renamed_file
        import workspace_package
        from workspace_single import double

        @expose
        def found() -> list:
            return [workspace_package.X, double(3), renamed_file.X]
        """,
        "user_of_libraries.py",
    )
    with sandbox:
        sandbox.serve(file)

        assert sandbox.name == "with-libraries"
        assert call(sandbox, "user_of_libraries", "found") == ["package", 6, "file"]


def test_uploads_go_beside_the_interfaces_or_where_they_are_told_to(
    shared: ScopedSandbox, write: Write
) -> None:
    shared.serve(
        write(
            """
            from pathlib import Path

            HOME = Path(__file__).parent

            @expose
            def read(path: str) -> bytes:
                return (HOME / path).read_bytes()
            """,
            "reading.py",
        )
    )
    file = write("", "upload.bin")
    file.write_bytes(bytes(range(256)))

    shared.upload_file(file)
    shared.upload_file(str(file), "/root/deep/er/renamed.bin")
    shared.upload_file(file, "relative/to/root.bin")
    shared.upload_file(file, "/workspace/other.bin")
    for path in ("upload.bin", "deep/er/renamed.bin", "relative/to/root.bin"):
        assert call(shared, "reading", "read", path) == bytes(range(256))
    assert call(shared, "reading", "read", "../workspace/other.bin") == bytes(range(256))

    file.write_bytes(b"newer")
    shared.upload_file(file)
    assert call(shared, "reading", "read", "upload.bin") == b"newer"


def test_an_upload_does_not_load_interfaces_that_do_not_wait(
    shared: ScopedSandbox, write: Write
) -> None:
    shared.serve(
        write(
            """
            count = 0

            @expose
            def up() -> int:
                global count
                count += 1
                return count
            """,
            "undisturbed.py",
        )
    )
    assert call(shared, "undisturbed", "up") == 1
    shared.upload_file(write("x = 1\n", "some_module.py"))

    assert call(shared, "undisturbed", "up") == 2


def test_an_interface_that_exposes_nothing_after_an_upload_says_so(
    scoped: ScopedSandbox, write: Write
) -> None:
    scoped.serve(write("import brought_later\n", "a/empty.py"))

    with pytest.raises(NothingExposedError, match=r"empty\.py"):
        scoped.upload_file(write("x = 1\n", "b/brought_later.py"))
