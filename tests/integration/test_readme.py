"""The README's examples run as they stand."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox
from seer_rpc.registry import running_sandboxes
from tests.integration.mcp_talk import talk

README = Path(__file__).parents[2] / "README.md"


COUNTED = "{'the': 2, 'cat': 1, 'and': 1, 'hat': 1}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the README's files."""
    for name, source in re.findall(r"```python\n# file: (\S+)\n(.*?)```", README.read_text(), re.S):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(source)
    return tmp_path


@contextlib.contextmanager
def serving(folder: Path, script: str) -> Iterator[list[str]]:
    """Run a script until it waits for Enter, which it gets at the end; gives what it printed."""
    with subprocess.Popen(
        [sys.executable, script],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield [*itertools.takewhile("serving; press Enter to stop\n".__ne__, process.stdout)]
        process.communicate("\n")
    assert process.returncode == 0


def run(folder: Path, script: str) -> str:
    return subprocess.run(
        [sys.executable, script], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_the_two_files_of_the_readme_run(folder: Path) -> None:
    assert run(folder, "script.py") == f"{COUNTED}1\n"


def test_the_interface_with_a_class_is_served_and_described(folder: Path) -> None:
    (folder / "steer.py").write_text(
        "from seer_rpc.client import Session\n"
        "from seer_rpc.environment import ScopedSandbox\n"
        "from seer_rpc.environment.sources import describe_source\n"
        "import numpy as np\n"
        "with ScopedSandbox() as scoped:\n"
        "    library = scoped.serve('steering.py')\n"
        "    with Session(library.connection) as session:\n"
        "        print(session.call('Steering.add', [np.ones(4)], {}))\n"
        "        print(session.call('Steering.norm', [], {}))\n"
        "    print(describe_source('steering.py') == library.schema)\n"
    )

    assert run(folder, "steer.py") == "2.0\n2.0\nTrue\n"


def test_the_script_that_works_in_a_sandbox_runs(folder: Path) -> None:
    said = run(folder, "workbench.py")

    assert said.startswith("2\nhello\n\n3\n\n2 ls: cannot access '/nowhere'")
    assert said.endswith("\none\ntwo\n\n")


@pytest.mark.real_model
def test_the_notebook_is_set_up_and_gone_on_with(
    folder: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", model)
    printed = run(folder, "notebook.py")
    try:
        assert "- Parameters: 134.52M" in json.loads(printed)["model_info"]
        said = subprocess.run(
            [sys.executable, "go_on.py"],
            cwd=folder,
            input=printed,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert said.startswith("1 ' PARIS")
        assert said.endswith("ZeroDivisionError\nnotebooks/first-look.ipynb\n")
        cells = json.loads((folder / "notebooks" / "first-look.ipynb").read_text())["cells"]
        assert [each["cell_type"] for each in cells] == ["markdown", "code"]
    finally:
        for record in running_sandboxes():
            Sandbox.from_id(record.id).terminate()


def test_the_script_that_sets_a_limit_runs(folder: Path) -> None:
    assert run(folder, "hurry.py") == "{'the': 1, 'cat': 1}\n"


def test_the_script_with_several_sandboxes_runs(folder: Path) -> None:
    assert run(folder, "many.py") == (
        "the cat {'the': 1, 'cat': 1}\na hat {'a': 1, 'hat': 1}\nNone ArgumentError\n"
    )


def test_the_session_in_a_folder_runs(folder: Path) -> None:
    assert run(folder, "bench.py") == "1\n3\n\n"
    activated = (
        ". bench/.seer/activate; cd /; python -c 'import counting; print(counting.count(\"a\"))'"
    )
    assert subprocess.check_output(["sh", "-c", activated], cwd=folder, text=True) == "1\n"


def test_the_session_in_a_sandbox_runs_and_has_a_server(folder: Path) -> None:
    with serving(folder, "terminal.py") as lines, talk(json.loads(lines[-1])) as server:
        printed = server.value("python", code="import counting; print(counting.count('a b c'))")

    assert "".join(lines[:-1]) == "2\n\n1\n\n"
    assert printed["stdout"] == "3\n"


def test_scripts_of_another_name_run(folder: Path) -> None:
    (command,) = re.findall(r"^seer (run old.*)$", README.read_text(), re.M)
    script = (folder / "bench.py").read_text().replace("from seer_rpc.", "from src.")
    (folder / "old_setup.py").write_text(script)

    seer = [sys.executable, "-m", "seer_rpc.cli"]
    subprocess.run(["sh", "-c", f"{shlex.join(seer)} {command}"], cwd=folder, check=True)

    assert (folder / "session.json").read_text() == "1\n3\n\n"


def test_the_agent_s_workspace_has_a_server(folder: Path) -> None:
    with serving(folder, "agent.py") as lines:
        configured = json.loads((folder / "work" / ".mcp.json").read_text())["mcpServers"]
        with talk(configured) as server:
            counts = server.value("count_words", text="a cat a")

    assert json.loads("".join(lines)) == configured
    assert counts == {"a": 2, "cat": 1}


def test_the_commands_that_show_what_was_called_run(folder: Path) -> None:
    found = re.findall(r"^(seer calls [^#\n]*?) *(?:#.*)?$", README.read_text(), re.M)
    commands = list(dict.fromkeys(found))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with serving(folder, "watched.py") as lines:
        printed = [
            subprocess.run(
                ["sh", "-c", command],
                cwd=folder,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for command in commands
            if "--follow" not in command
        ]

    assert lines == [
        "count_words text='the cat and the hat', lowercase=True ok False\n",
        "count_words text='one fish', lowercase=False ok False\n",
    ]
    last, failed, exported = printed[-3:]
    assert len(commands) == 5
    assert last.count("word_tools.count_words(") == 2
    assert failed == "no calls\n"
    assert exported == ""
    assert len((folder / "calls.jsonl").read_text().splitlines()) == 2


def test_the_library_that_the_readme_shares_is_called_from_another_place(folder: Path) -> None:
    share = folder / "share.py"
    # The port may be taken here, and the machine's name may lead nowhere.
    share.write_text(share.read_text().replace("0.0.0.0:8443", "127.0.0.1:0"))
    with serving(folder, share.name):
        elsewhere = Path(shutil.copytree(folder / "for_colleagues", folder / "elsewhere"))

        assert run(elsewhere, "colleague.py") == COUNTED


def test_the_commands_for_agents_run(folder: Path) -> None:
    commands = re.findall(r"^python (agent_work/.*)$", README.read_text(), re.M)
    with serving(folder, "for_agents.py"):
        printed = [
            json.loads(
                subprocess.check_output(["sh", "-c", f"{sys.executable} {command}"], cwd=folder)
            )
            for command in commands
        ]

    listed, described, counted, job = printed
    assert [each["signature"] for each in listed["functions"]] == [
        "count_words(text: str, lowercase: bool = True) -> dict[str, int]",
        "texts_read() -> int",
    ]
    assert described["arguments"]["required"] == ["text"]
    assert counted == {"the": 1, "cat": 1}
    assert job["status"] == "running"


def test_calls_on_their_way_together_and_a_session_with_a_name(folder: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    mapping = next(each for each in examples if "client.map" in each)
    serving, calling = (folder / "script.py").read_text().split("    print(word_tools.count", 1)
    assert calling
    night = "import subprocess, sys\nsubprocess.run([sys.executable, 'night.py'], check=True)\n"
    flushing = "sys.stdout.flush()\n"
    body = mapping + night.replace("\n", f"\n{flushing}", 1)
    (folder / "together.py").write_text(serving + textwrap.indent(body, "    "))

    assert run(folder, "together.py") == (
        "{'the': 1, 'cat': 1}\n{'a': 1, 'hat': 1}\n[] {'to': 2, 'be': 2, 'or': 1, 'not': 1}\n"
    )
