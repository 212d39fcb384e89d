"""The README's examples run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

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


def run(folder: Path, script: str) -> str:
    return subprocess.run(
        [sys.executable, script], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_the_two_files_of_the_readme_run(folder: Path) -> None:
    assert run(folder, "script.py") == f"{COUNTED}1\n"


def test_the_commands_that_show_what_was_called_run(folder: Path) -> None:
    found = re.findall(r"^(seer log [^#\n]*?) *(?:#.*)?$", README.read_text(), re.M)
    commands = list(dict.fromkeys(found))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with subprocess.Popen(
        [sys.executable, "watched.py"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        lines = [serving.stdout.readline() for _ in range(3)]
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
        serving.communicate("\n")

    assert lines == [
        "count_words text='the cat and the hat', lowercase=True ok False\n",
        "count_words text='one fish', lowercase=False ok False\n",
        "serving; press Enter to stop\n",
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
    with subprocess.Popen(
        [sys.executable, share.name],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline() == "serving; press Enter to stop\n"
        elsewhere = Path(shutil.copytree(folder / "for_colleagues", folder / "elsewhere"))

        assert run(elsewhere, "colleague.py") == COUNTED
        serving.communicate("\n")
    assert serving.returncode == 0


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
