"""`seer run`: scripts that were written for `src.*`, as python would run them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]
SEEDLING = """
    from src.environment import Sandbox, SandboxConfig, ExecutionMode, ModelConfig, RepoConfig
    from src.environment import ScopedSandbox
    from src.workspace import Workspace, Library, Skill
    from src.execution import create_local_session
    import asyncio
    import json
    from pathlib import Path

    async def main():
        example_dir = Path(__file__).parent
        with ScopedSandbox(SandboxConfig()) as scoped:
            tools = scoped.serve(example_dir / "interface.py", expose_as="library", name="tools")
            session = create_local_session(
                workspace=Workspace(libraries=[tools]),
                workspace_dir=str(example_dir / "workspace"),
                name="experiment",
            )
            import tools

            print(json.dumps({"session_id": session.session_id, "said": tools.shout("a")}))

    if __name__ == "__main__":
        asyncio.run(main())
"""


def run(script: Path | str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seer_rpc.cli", "run", str(script), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def test_a_script_for_src_runs_unchanged_from_anywhere(write: Write, tmp_path: Path) -> None:
    script = write(SEEDLING, "deep/setup.py")
    write("@expose\ndef shout(text: str) -> str:\n    return text.upper()\n", "deep/interface.py")

    for name, cwd in [(str(script), Path("/")), ("deep/setup.py", tmp_path)]:
        finished = run(name, cwd=cwd)
        assert finished.returncode == 0, finished.stderr
        # Standard output is the script's alone.
        assert json.loads(finished.stdout)["said"] == "A"


def test_the_names_are_those_of_the_library_itself(write: Write, tmp_path: Path) -> None:
    script = write(
        """
        import sys
        import src.environment.config
        import seer_rpc.environment
        from src import workspace
        from src.workspace.library import Library

        assert src.environment is seer_rpc.environment
        assert src.environment.config.SandboxConfig is seer_rpc.environment.SandboxConfig
        assert workspace.Library is Library
        assert seer_rpc.environment.__name__ == "seer_rpc.environment"
        assert seer_rpc.environment.__spec__.name == "seer_rpc.environment"
        try:
            import src.models
        except ModuleNotFoundError as error:
            print(error)
        """,
        "script.py",
    )

    finished = run(script, cwd=tmp_path)

    assert (finished.returncode, finished.stdout) == (0, "No module named 'src.models'\n")


def test_a_script_is_what_python_would_make_of_it(write: Write, tmp_path: Path) -> None:
    write("WHERE = __file__\n", "deep/beside.py")
    script = write(
        '''
        """A script."""
        from __future__ import annotations

        import pickle
        import sys
        import beside
        import __main__

        class Kept:
            pass

        assert type(pickle.loads(pickle.dumps(Kept()))) is Kept
        assert __main__.Kept is Kept
        assert __spec__ is None
        print(__name__, __file__, __doc__, sys.argv[1:], beside.WHERE, sys.path[0])
        print(sys.stdin.read())
        ''',
        "deep/script.py",
    )
    commands = [[sys.executable], [sys.executable, "-m", "seer_rpc.cli", "run"]]

    ran = [
        subprocess.run(
            [*command, "deep/script.py", "--seed", "1", "-h", "--"],
            cwd=tmp_path,
            input="given",
            capture_output=True,
            text=True,
        )
        for command in commands
    ]

    assert script.exists()
    assert ran[0].returncode == 0
    assert (ran[1].returncode, ran[1].stdout, ran[1].stderr) == (0, ran[0].stdout, "")


@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit(7)",
        "import sys; sys.exit('stopped')",
        "import os; os._exit(9)",
        "def f():\n    return 1 / 0\n\nprint('begun')\nf()",
        "def (",
        "import gone_module",
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('x') from error",
        "import sys\nsys.excepthook = lambda *a: print('hooked', a[0], a[2].tb_lineno)\n1 / 0",
        "assert False, 'said'",
        "import atexit\natexit.register(print, 'at the end')\nraise KeyError(1)",
    ],
)
def test_a_script_ends_as_with_python(write: Write, tmp_path: Path, source: str) -> None:
    script = write(source, "script.py")

    expected = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True
    )
    finished = run(script, cwd=tmp_path)

    assert (finished.returncode, finished.stdout) == (expected.returncode, expected.stdout)
    assert finished.stderr == expected.stderr


def test_an_interrupted_script_says_where_it_was(
    write: Write, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    script = write("import time\nopen('begun', 'w')\nwhile True:\n    time.sleep(0.1)\n", "s.py")
    command = [sys.executable, "-W", "ignore", "-m", "seer_rpc.cli", "run", str(script)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        wait_until((tmp_path / "begun").exists, 60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()

    assert process.returncode == 130
    assert said.startswith(f'Traceback (most recent call last):\n  File "{script}", line ')
    assert said.endswith("KeyboardInterrupt\n")


def test_a_package_src_of_the_user_s_own_stays_what_it_is(write: Write, tmp_path: Path) -> None:
    write("NAME = 'theirs'\n", "src/__init__.py")
    write("VALUE = 1\n", "src/models.py")
    script = write(
        """
        import src
        from src.environment import SandboxConfig
        from src.models import VALUE

        print(src.NAME, VALUE, SandboxConfig().gpu_count)
        """,
        "script.py",
    )

    finished = run(script, cwd=Path("/"))

    assert (finished.stdout, finished.stderr) == ("theirs 1 1\n", "")


@pytest.mark.parametrize("name", ["environment.py", "workspace/__init__.py", "execution/x.py"])
@pytest.mark.parametrize("is_package", [True, False])
def test_one_that_could_be_meant_itself_is_an_error(
    write: Write, tmp_path: Path, name: str, is_package: bool
) -> None:
    if is_package:
        write("", "src/__init__.py")
    write("", f"src/{name}")
    script = write("print('ran')\n", "script.py")

    finished = run(script, cwd=Path("/"))

    assert (finished.returncode, finished.stdout) == (1, "")
    assert str(tmp_path / "src") in finished.stderr
    assert "What to do" in finished.stderr


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    finished = run("gone.py", cwd=tmp_path)
    assert finished.returncode == 1
    assert "cannot read the script gone.py" in finished.stderr
    assert str(tmp_path) in finished.stderr

    (tmp_path / "folder").mkdir()
    assert "Is a directory" in run("folder", cwd=tmp_path).stderr
    assert run("", cwd=tmp_path).returncode == 1
