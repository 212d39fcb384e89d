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

    import asyncio
    import os
    from dataclasses import dataclass, field
    from datetime import date
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
    def shifted(when: date, content: bytes, tone: Tone, pair: tuple[int, str]) -> Report:
        return Report(f"{when:%d.%m.%Y} {content!r} {pair!r}", tone=tone)


    @expose
    async def wait() -> None:
        await asyncio.sleep(20)


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
        timeout=120,
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
    ("function", "text"),
    [("odd", "[\n  1,\n  2\n]\n"), ("not_a_number", '"NaN"\n'), ("nothing", "null\n")],
)
def test_call_prints_what_json_has_no_word_for_as_what_comes_next_to_it(
    interface: Path, function: str, text: str
) -> None:
    assert printed(seer("call", interface, function)) == text


@pytest.mark.parametrize(
    "arguments",
    [
        ["when=2026-01-31", "content=AAE=", "tone=loud", 'pair=[1, "x"]'],
        ["--json", '{"when": "2026-01-31", "content": "AAE=", "tone": "loud", "pair": [1, "x"]}'],
        ["when=2026-01-31", "--json", "@{file}", "content=AAE="],
        ["@{file}", "--timeout", "20", "when=2026-01-31", "content=AAE="],
    ],
)
def test_call_makes_what_the_function_takes_of_json(
    interface: Path, tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "arguments.json"
    file.write_text('{"tone": "loud", "pair": [1, "x"], "when": "2020-01-01"}')
    given = [each.replace("{file}", str(file)) for each in arguments]

    assert json.loads(printed(seer("call", interface, "shifted", *given))) == {
        "text": "31.01.2026 b'\\x00\\x01' (1, 'x')",
        "scores": [],
        "tone": "loud",
    }


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
    assert functions["shout"]["input_schema"]["properties"]["times"] == {
        "type": "integer",
        "default": 1,
        "description": "How often.",
    }
    assert functions["shout"]["output_schema"] == {"type": "string"}


def test_describe_shows_types_groups_hints_and_warnings(write: Write) -> None:
    file = write(
        """
        from dataclasses import dataclass

        @dataclass
        class Report:
            "What was found."
            text: str = ""

        class Odd: ...

        @expose(read_only=True, timeout=3)
        def find(odd: Odd) -> Report: ...

        @expose
        class Store:
            "Keeps reports."
            @expose(idempotent=True)
            def keep(self, report: Report) -> None: ...
        """
    )

    lines = printed(seer("describe", file)).splitlines()

    assert lines[:2] == ["find(odd: Any) -> Report", "    changes nothing; ends after 3 s"]
    assert lines[3:5] == ["class Store", "    Keeps reports."]
    assert lines[6:8] == [
        "Store.keep(report: Report) -> None",
        "    may be called again without harm",
    ]
    assert lines[9:11] == ["dataclass Report(text: str = '')", "    What was found."]
    assert lines[12].startswith("warning: find, odd: ")


def test_describe_reads_the_source_alone(write: Write) -> None:
    file = write("import surely_missing as m\n@expose\ndef f(x: m.X, y: int = 1) -> str: ...")

    text = printed(seer("describe", "--static", file))
    schema = json.loads(printed(seer("describe", "--static", "--json", file)))

    assert text.startswith("f(x: ?m.X, y: int = 1) -> str\n")
    assert "surely_missing" in schema["warnings"][0]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["call", "{file}", "fail"], 5, ["ValueError: as it was told to", "texts.py", "fail"]),
        (["call", "{file}", "shuot"], 3, ["did you mean 'shout'"]),
        (["call", "{file}", "shout"], 4, ["'text'", "shout(text: str, times: int = 1)"]),
        (["call", "{file}", "shout", "text=a", "times=often"], 4, ["'times'", "str"]),
        (["call", "{file}", "shout", "times=2"], 4, ["'text'", "missing"]),
        (["call", "{file}", "wait", "--timeout", "0.2"], 6, ["0.2 s"]),
        (["call", "nowhere.py", "shout"], 1, ["nowhere.py", "What to do"]),
        (["describe", "nowhere.py"], 1, ["nowhere.py", "What to do"]),
        (["describe", "{file}", "--model", ""], 1, ["model", "name"]),
        (["describe", "--static", "nowhere.py"], 1, ["nowhere.py", "What to do"]),
    ],
)
def test_an_error_is_a_message_on_stderr_and_an_exit_status(
    interface: Path, arguments: list[str], status: int, words: list[str]
) -> None:
    finished = seer(*(argument.replace("{file}", str(interface)) for argument in arguments))

    assert finished.returncode == status
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


@pytest.mark.parametrize("command", [[], ["demo"], ["describe"], ["call"], ["calls"]])
def test_help_says_what_a_command_does(command: list[str]) -> None:
    finished = seer(*command, "--help")

    text = printed(finished)
    assert text.startswith(" ".join(["usage: seer", *command]))
    assert "--help" in text
    assert finished.stderr == ""
    if not command:
        for name in ("demo", "describe", "call", "log", "ps"):
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
