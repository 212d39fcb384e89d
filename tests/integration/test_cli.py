"""The `seer` command, run as users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SEER = Path(sys.executable).with_name("seer")
Write = Callable[..., Path]
INTERFACE = '''
    """Tools for texts.

    All of them → fast.
    """

    import os
    from dataclasses import dataclass, field
    from enum import Enum

    print("noise while loading")


    class Tone(Enum):
        LOUD = "loud"


    @dataclass
    class Report:
        text: str
        scores: list[float] = field(default_factory=list)
        tone: Tone | None = None


    @expose
    def shout(text: str, times: int = 1) -> str:
        """Shout a text.

        Args:
            text: What to shout.
            times: How often.
        """
        print("noise while running")
        return text.upper() * times


    @expose
    def report(text: str, scores: list[float]) -> Report:
        return Report(text, scores)


    @expose
    def kinds(**values) -> dict[str, str]:
        return {name: type(value).__name__ for name, value in values.items()}


    @expose
    def echo(value):
        return value


    @expose
    def odd():
        return {1, 2}


    @expose
    def not_a_number():
        return float("nan")


    @expose
    def nothing() -> None:
        pass


    @expose
    def variable(name: str) -> str | None:
        return os.environ.get(name)


    @expose
    def fail():
        raise ValueError("as it was told to")


    @expose
    def read_model(name: str) -> list[str]:
        return os.listdir(get_model_path(name))
'''


def seer(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SEER), *map(str, arguments)],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture
def interface(write: Write) -> Path:
    return write(INTERFACE, "texts.py")


def test_call_prints_the_result_as_json_and_nothing_else(interface: Path) -> None:
    assert printed(seer("call", interface, "shout", "text=hé → 🚀", "times=2")) == (
        '"HÉ → 🚀HÉ → 🚀"\n'
    )


def test_call_reads_json_where_it_is_json_and_text_otherwise(interface: Path) -> None:
    finished = seer(
        "call",
        interface,
        "kinds",
        'a="1"',
        "b=1",
        "c=1.5",
        "d=null",
        "e=true",
        "f=[1, {}]",
        'g={"x": 1}',
        "h=plain text",
        "i=",
        "j=a=b",
        "k={not json",
    )

    assert json.loads(printed(finished)) == {
        "a": "str",
        "b": "int",
        "c": "float",
        "d": "NoneType",
        "e": "bool",
        "f": "list",
        "g": "dict",
        "h": "str",
        "i": "str",
        "j": "str",
        "k": "str",
    }
    assert printed(seer("call", interface, "echo", "value=a=b")) == '"a=b"\n'


def test_call_prints_a_dataclass_as_an_object(interface: Path) -> None:
    finished = seer("call", interface, "report", "text=x", "scores=[0.5, 1]")

    assert json.loads(printed(finished)) == {"text": "x", "scores": [0.5, 1], "tone": None}


@pytest.mark.parametrize(
    ("function", "text"), [("odd", "{1, 2}\n"), ("not_a_number", "nan\n"), ("nothing", "null\n")]
)
def test_call_prints_what_is_no_json_as_python_shows_it(
    interface: Path, function: str, text: str
) -> None:
    assert printed(seer("call", interface, function)) == text


def test_call_passes_secrets_and_models_on(interface: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")

    secret = seer(
        *("call", interface, "variable", "name=SEER_TEST_KEY", "--secret", "SEER_TEST_KEY"),
        SEER_TEST_KEY="a secret",
    )
    assert printed(secret) == '"a secret"\n'
    without = seer("call", interface, "variable", "name=SEER_TEST_KEY", SEER_TEST_KEY="a secret")
    assert printed(without) == "null\n"
    listed = seer("call", interface, "read_model", f"name={folder}", "--model", folder)
    assert json.loads(printed(listed)) == ["config.json"]


def test_describe_shows_signatures_and_docstrings(interface: Path) -> None:
    text = printed(seer("describe", interface))

    assert "Tools for texts." in text
    assert "shout(text: str, times: int = 1) -> str" in text
    assert "report(text: str, scores: list[float]) -> Report" in text
    assert "What to shout." in text
    assert "nothing() -> None" in text
    assert "noise" not in text
    assert "\x1b" not in text


def test_describe_does_not_break_long_signatures_where_nobody_reads_a_terminal(
    write: Write,
) -> None:
    parameters = ", ".join(f"parameter_number_{number}: int" for number in range(9))
    file = write(f"@expose\ndef wide({parameters}) -> int:\n    return 1\n", "wide.py")

    assert f"wide({parameters}) -> int" in printed(seer("describe", file)).splitlines()


def test_describe_prints_the_schema_as_json(interface: Path) -> None:
    schema = json.loads(printed(seer("describe", "--json", interface)))

    assert schema["name"] == "texts"
    assert schema["doc"] == "Tools for texts.\n\nAll of them → fast."
    functions = {function["name"]: function for function in schema["functions"]}
    assert functions["shout"]["parameters"][1]["default"]["text"] == "1"
    assert functions["shout"]["parameters"][0]["doc"] == "What to shout."
    assert {named["name"] for named in schema["types"]} == {"Report", "Tone"}
    assert len(schema["hash"]) == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["call", "{file}", "fail"], ["ValueError: as it was told to", "texts.py", "fail"]),
        (["call", "{file}", "shuot"], ["did you mean 'shout'"]),
        (["call", "{file}", "shout"], ["'text'", "shout(text: str, times: int = 1)"]),
        (["call", "{file}", "shout", "text=a", "times=often"], ["'times'", "str"]),
        (["call", "{file}", "shout", "times=2"], ["'text'", "missing"]),
        (["call", "nowhere.py", "shout"], ["nowhere.py", "What to do"]),
        (["describe", "nowhere.py"], ["nowhere.py", "What to do"]),
        (["describe", "{file}", "--model", ""], ["model", "name"]),
    ],
)
def test_an_error_is_a_message_on_stderr_and_exit_status_1(
    interface: Path, arguments: list[str], words: list[str]
) -> None:
    finished = seer(*(argument.format(file=interface) for argument in arguments))

    assert finished.returncode == 1
    assert finished.stdout == ""
    assert "seer: " in finished.stderr
    assert "site-packages" not in finished.stderr
    assert "seer_rpc/" not in finished.stderr
    for word in words:
        assert word in finished.stderr


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(:\n", ["broken.py", "line 1"]),
        ("x = 1\n", ["@expose"]),
        ("raise RuntimeError('no')\n", ["RuntimeError: no", "broken.py"]),
        ("import surely_not_installed\n", ["surely_not_installed"]),
    ],
)
@pytest.mark.parametrize("command", [["describe"], ["call"]])
def test_a_file_that_cannot_be_served_is_a_message_on_stderr_and_exit_status_1(
    write: Write, source: str, words: list[str], command: list[str]
) -> None:
    file = write(source, "broken.py")
    finished = seer(*command, file, *(["f"] if command == ["call"] else []))

    assert finished.returncode == 1
    assert finished.stdout == ""
    assert "seer_rpc/" not in finished.stderr
    for word in words:
        assert word in finished.stderr


@pytest.mark.parametrize("command", [[], ["demo"], ["describe"], ["call"], ["log"]])
def test_help_says_what_a_command_does(command: list[str]) -> None:
    finished = seer(*command, "--help")

    text = printed(finished)
    assert text.startswith(" ".join(["usage: seer", *command]))
    assert "--help" in text
    assert finished.stderr == ""
    if not command:
        for name in ("demo", "describe", "call", "log"):
            assert name in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["call"],
        ["call", "file.py"],
        ["call", "file.py", "f", "no-equals"],
        ["call", "file.py", "f", "2=3"],
        ["describe"],
        ["describe", "file.py", "--nonsense"],
    ],
)
def test_wrong_use_is_exit_status_2(arguments: list[str]) -> None:
    finished = seer(*arguments)

    assert finished.returncode == 2
    assert finished.stdout == ""
    assert "usage: seer" in finished.stderr
