"""Local sessions: libraries here and in every Python that is started; no secret afterwards."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.environment.mcp import configuration
from seer_rpc.errors import (
    CommandError,
    CommandOutputError,
    CommandTimeoutError,
    ConfigError,
    ConnectionFileError,
    SessionOverError,
)
from seer_rpc.execution import LocalSession, create_local_session
from seer_rpc.workspace import Library, Workspace
from tests.integration.mcp_talk import talk

Create = Callable[..., LocalSession]
COUNTS = """
    seen = []

    @expose
    def count(text: str) -> int:
        seen.append(text)
        return len(seen)
"""


@pytest.fixture
def create(tmp_path: Path) -> Iterator[Create]:
    """Create sessions, in the folder `work` unless told otherwise; they are terminated."""
    path, variable = list(sys.path), os.environ.get("PYTHONPATH")
    sessions: list[LocalSession] = []

    def create_one(*libraries: Library, folder: str = "work", **fields: object) -> LocalSession:
        name = fields.pop("name", None)
        workspace = Workspace(list(libraries), **fields)  # type: ignore[arg-type]
        sessions.append(create_local_session(workspace, tmp_path / folder, name))  # type: ignore[arg-type]
        return sessions[-1]

    yield create_one
    for session in sessions:
        session.terminate()
    assert sys.path == path
    assert os.environ.get("PYTHONPATH") == variable


def module(number: int, name: str = "numbers_here") -> Library:
    return Library.from_code(f"NUMBER = {number}\n", name)


def number_in(command: list[str], cwd: Path, env: dict[str, str] | None = None) -> str:
    return subprocess.check_output(command, cwd=cwd, env=env, text=True).strip()


def test_a_session_tells_of_itself(create: Create, tmp_path: Path) -> None:
    first, second = create(name="mine"), create(folder="other")

    assert (first.name, second.name) == ("mine", "other")
    assert first.workspace_dir == tmp_path / "work"
    assert first.session_id != second.session_id
    assert isinstance(json.dumps(first.session_id), str)
    assert first.mcp_config == {}
    assert str(tmp_path / "work") in repr(first)


def test_libraries_are_found_by_every_python_that_is_started(
    create: Create, tmp_path: Path
) -> None:
    session = create(module(3))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = elsewhere / "script.py"
    script.write_text("import numbers_here; print(numbers_here.NUMBER)")
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    assert importlib.import_module("numbers_here").NUMBER == 3
    # A child of this process, wherever it is.
    assert number_in([sys.executable, str(script)], elsewhere) == "3"
    # A script in the folder, whoever starts it.
    shutil.copy(script, session.workspace_dir)
    assert number_in([sys.executable, "work/script.py"], tmp_path, bare) == "3"
    # A program that is given the session's variables, and a shell that has read them.
    assert number_in(["python", str(script)], elsewhere, session.env) == "3"
    command = f". '{session.workspace_dir}/.seer/activate'; python {script}"
    assert number_in(["bash", "-c", command], elsewhere, bare) == "3"
    assert number_in(["sh", "-uc", command], elsewhere, bare) == "3"


def test_a_changed_library_is_imported_anew(create: Create) -> None:
    for number in range(3):
        create(module(number))
        assert number == importlib.import_module("numbers_here").NUMBER


def test_a_library_that_is_gone_cannot_be_imported(create: Create) -> None:
    create(module(1), module(2, "numbers_there"))
    importlib.import_module("numbers_there")

    session = create(module(1))

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("numbers_there")
    assert importlib.import_module("numbers_here").NUMBER == 1
    session.setup(Workspace())
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("numbers_here")


def test_code_runs_with_the_libraries_and_the_code_before_it(create: Create) -> None:
    code = "import numbers_here\nBASE = numbers_here.NUMBER\nprint('ready')"
    session = create(module(40), custom_init_code=code)

    result = session.exec(
        """
        from __future__ import annotations
        import os, sys
        print(BASE + 2, os.getcwd(), __name__)
        print("to you", file=sys.stderr)
        """.replace("\n        ", "\n")
    )

    assert result.stdout == f"ready\n42 {session.workspace_dir} __main__\n"
    assert result.stderr == "to you\n"
    assert result.ok
    assert session.exec(
        "import os, subprocess, sys; os.chdir('/')\n"
        "print(subprocess.check_output([sys.executable, '-c', "
        "'import numbers_here; print(numbers_here.NUMBER)']).decode())"
    ).stdout == ("ready\n40\n\n")


def test_what_fails_says_where_and_nothing_of_ours(create: Create) -> None:
    session = create()

    with pytest.raises(CommandError) as caught:
        session.exec("print('begun')\ndef f():\n    return 1 / 0\nf()\n")
    assert caught.value.exit_code == 1
    assert caught.value.stdout == "begun\n"
    assert caught.value.stderr == textwrap.dedent(
        """\
        Traceback (most recent call last):
          File "<exec>", line 4, in <module>
            f()
          File "<exec>", line 3, in f
            return 1 / 0
                   ~~^~~
        ZeroDivisionError: division by zero
        """
    )
    for code, words in [
        ("def (", "SyntaxError"),
        ("import sys; sys.exit('stopped')", "stopped"),
        ("input()", "EOFError"),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    ]:
        with pytest.raises(CommandError, match=words):
            session.exec(code)
    with pytest.raises(CommandError, match=r'File "<custom_init_code>", line 2'):
        create(folder="other", custom_init_code="x = 1\nx.y").exec("print(1)")
    with pytest.raises(ConfigError, match="timeout"):
        session.exec("", timeout=0)


def test_code_that_takes_too_long_is_ended_with_what_it_started(
    create: Create, alive: Callable[[int], bool], wait_until: Callable[..., None]
) -> None:
    with pytest.raises(CommandTimeoutError) as caught:
        create().exec(
            "import subprocess, sys\n"
            "print(subprocess.Popen(['sleep', '5432']).pid, flush=True)\n"
            "sys.stdin.read(); import time; time.sleep(5432)",
            timeout=5,
        )

    child = int(caught.value.stdout)
    wait_until(lambda: not alive(child))


def test_code_that_prints_without_an_end_is_ended(create: Create) -> None:
    with pytest.raises(CommandOutputError, match="64 MiB") as caught:
        create().exec("while True: print('x' * 100_000)")
    assert len(caught.value.stdout) == 64 << 20


def test_what_is_left_in_the_background_keeps_nobody_waiting(create: Create) -> None:
    begun = time.monotonic()

    result = create().exec(
        "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)", timeout=300
    )

    assert time.monotonic() - begun < 300
    os.kill(int(result.stdout), 9)


def test_nothing_is_read_from_this_process_s_folder_or_input(
    create: Create, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)

    assert create().exec("import json; print(json.dumps(1))").stdout == "1\n"


def test_a_served_library_leaves_nothing_secret_behind(
    shared: ScopedSandbox, interface_file: Callable[[str], Path], create: Create
) -> None:
    config = shared.serve(interface_file(COUNTS), expose_as="mcp", name="counting")
    session = create(config, name="mine")
    counting = importlib.import_module("counting")
    secret = session.workspace_dir / ".seer" / "counting.json"

    assert counting.count("a") == 1
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert session.exec("import counting; print(counting.count('b'))").stdout == "2\n"
    assert session.mcp_config == dict(config)
    assert json.loads((session.workspace_dir / ".mcp.json").read_text()) == {
        "mcpServers": session.mcp_config
    }
    with talk(session.mcp_config) as server:
        assert server.value("count", text="c") == 3
    subprocess.run(["git", "init", "-q"], cwd=session.workspace_dir, check=True)
    subprocess.run(["git", "add", "-A"], cwd=session.workspace_dir, check=True)
    added = subprocess.check_output(["git", "ls-files"], cwd=session.workspace_dir, text=True)
    assert "counting/__init__.py" in added
    assert ".seer" not in added

    session.terminate()
    session.terminate()

    token = shared.connection("counting").token.encode()
    files = [each for each in session.workspace_dir.rglob("*") if each.is_file()]
    assert [each for each in files if token in each.read_bytes()] == []
    assert (session.workspace_dir / "counting" / "__init__.py").exists()
    assert "counting" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("counting")
    with pytest.raises(SessionOverError, match="'mine' is over"):
        session.exec("")
    with pytest.raises(SessionOverError):
        session.setup(Workspace())
    # Whoever kept the module is told, too.
    with pytest.raises(ConnectionFileError, match="no connection file"):
        counting.count("d")


def test_what_another_session_needs_stays(
    shared: ScopedSandbox, interface_file: Callable[[str], Path], create: Create
) -> None:
    library = shared.serve(interface_file(COUNTS), name="counting_too")
    first, second = create(library, name="first"), create(library, name="second")

    first.terminate()

    assert importlib.import_module("counting_too").count("a") == 1
    assert second.exec("import counting_too; print(counting_too.count('b'))").stdout == "2\n"
    second.terminate()
    assert not (second.workspace_dir / ".seer" / "counting_too.json").exists()


def test_the_end_of_an_earlier_session_leaves_its_successor_alone(create: Create) -> None:
    earlier, later = create(module(1), name="same"), create(module(2), name="same")

    earlier.terminate()

    assert importlib.import_module("numbers_here").NUMBER == 2
    assert later.exec("import numbers_here").ok
    with pytest.raises(SessionOverError, match="created anew"):
        earlier.exec("")


def test_a_session_ends_with_its_block(create: Create) -> None:
    with create(module(1)):
        importlib.import_module("numbers_here")

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("numbers_here")


def test_a_session_that_fails_leaves_the_earlier_one(create: Create) -> None:
    session = create(module(1))
    (session.workspace_dir / "taken.py").write_text("mine")

    with pytest.raises(ConfigError, match="in the way"):
        create(module(2, "taken"))

    assert session.exec("import numbers_here; print(numbers_here.NUMBER)").stdout == "1\n"


def test_a_folder_that_python_cannot_be_told_of_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its path has a"):
        create_local_session(Workspace(), tmp_path / "a:b")


def test_servers_do_not_import_what_sessions_have(create: Create) -> None:
    session = create(module(1))

    (server,) = configuration("x", ["python"], {}).values()

    assert str(session.workspace_dir) not in server["env"].get("PYTHONPATH", "")


def test_files_and_skills_are_where_agents_look(create: Create, tmp_path: Path) -> None:
    skill = tmp_path / "be-careful"
    skill.mkdir()
    (skill / "SKILL.md").write_text("---\nname: be-careful\ndescription: Always.\n---\n")
    (tmp_path / "data.bin").write_bytes(b"\x00\xff")

    session = create(skill_dirs=[skill], local_files=[(tmp_path / "data.bin", "in/data.bin")])

    assert (session.workspace_dir / ".claude/skills/be-careful/SKILL.md").exists()
    assert session.exec("print(open('in/data.bin', 'rb').read())").stdout == "b'\\x00\\xff'\n"
