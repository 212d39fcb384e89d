"""A skill's script, run by real shells that know nothing but the line in SKILL.md."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.locations import jobs_folder, results_folder
from seer_rpc.presentation import MOST_CHARACTERS, Exit
from seer_rpc.workspace import Workspace

# The functions write to files that the tests read.
ISOLATION = "none"

SOURCE = '''
"""Tools of every kind."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path

import numpy as np


class Tone(Enum):
    LOUD = "loud"


@dataclass
class Report:
    text: str
    when: date
    tone: Tone = Tone.LOUD


@expose
def shout(text: str, times: int = 1) -> str:
    """Shout a text.

    Args:
        text: What to shout.
        times: How often.
    """
    return text.upper() * times


@expose
def list() -> str:
    """Have the name of a command."""
    return "the function"


@expose
def turn(report: Report) -> Report:
    return Report(report.text[::-1], report.when, report.tone)


@expose
def echo(value):
    return value


@expose
def added(prices: dict[str, Decimal], more: Decimal = Decimal(0)) -> Decimal:
    return sum(prices.values(), more)


@expose
def half() -> str:
    return "\\ud800"


@expose
def embed(size: int) -> np.ndarray:
    return np.arange(size) / 2


@expose
def picture() -> bytes:
    return b"\\x89PNG\\r\\n\\x1a\\n" + bytes(100)


@expose
def keep(size: int) -> TensorRef:
    return TensorRef(np.ones(size))


@expose
def total(array: np.ndarray) -> float:
    return float(array.sum())


@expose
def count(to: int) -> Iterator[int]:
    yield from range(to)


@expose
def drip(file: str, to: int, pause: float, until: str = "") -> Iterator[int]:
    """Give numbers; the last one when the file `until` is there."""
    for number in range(to):
        while until and number == to - 1 and not Path(until).exists():
            time.sleep(0.01)
        yield number
        Path(file).write_text(str(number))
        time.sleep(pause)


@expose
def spoil(to: int) -> Iterator[int]:
    yield from range(to)
    raise ValueError("spoilt")


@expose(timeout=0.3)
def hurried() -> None:
    while True:
        time.sleep(0.02)


@expose
def work(file: str, seconds: float) -> str:
    """Work for so long, or until there is a file with `.end` behind the name."""
    Path(file).write_text("begun")
    begun = time.monotonic()
    end = Path(f"{file}.end")
    while (done := time.monotonic() - begun) < seconds and not end.exists():
        progress(round(done, 1), seconds, "working")
        time.sleep(0.02)
    Path(file).write_text("done")
    return "worked"


@expose
def fail(size: int = 1) -> None:
    raise ValueError("no" * size)
'''

DIGITS = "0.123456789012345678901234"


class Finished(NamedTuple):
    """What a shell command printed."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The JSON on standard output."""
        assert self.status == Exit.VALUE, self.err
        return json.loads(self.out)


class Script:
    """The script of an installed skill, in shells without an environment, in another folder."""

    def __init__(self, skill: Path, home: Path) -> None:
        self.skill = skill
        self.home = home
        # The command line as SKILL.md has it.
        (line,) = re.findall(r"^    (.*call\.py) list$", (skill / "SKILL.md").read_text(), re.M)
        self.command = line.replace("SKILL_DIR", shlex.quote(str(skill)))

    def __call__(self, arguments: str, before: str = "", **variables: str) -> Finished:
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        finished = subprocess.run(
            [
                "sh",
                "-c",
                f"cd / && {before} env -i HOME={self.home} {given} {self.command} {arguments}",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout.decode(), finished.stderr.decode())


@pytest.fixture(scope="module")
def script(shared: ScopedSandbox, tmp_path_factory: pytest.TempPathFactory) -> Script:
    """The script of a skill that a workspace with a space in its name has."""
    file = tmp_path_factory.mktemp("interface") / "shell_tools.py"
    file.write_text(SOURCE)
    folder = tmp_path_factory.mktemp("work") / "a workspace"
    Workspace(skills=[shared.serve(file, "skill")]).install(folder)
    return Script(folder / ".claude" / "skills" / "shell-tools", tmp_path_factory.mktemp("home"))


def test_it_lists_and_describes(script: Script) -> None:
    listed = script("list").value
    assert {"signature": "shout(text: str, times: int = 1) -> str", "doc": "Shout a text."} in (
        listed["functions"]
    )

    described = script("describe shout").value
    assert described["arguments"]["required"] == ["text"]
    assert described["doc"].startswith("Shout a text.")
    assert described["example"] == {"text": "text"}


def test_the_example_of_its_skill_md_runs(script: Script) -> None:
    text = (script.skill / "SKILL.md").read_text()
    (example,) = re.findall(r"^    .*call\.py (.* --json .*)$", text, re.M)

    assert example.startswith("call shout ")
    assert script(example).value == "TEXT"


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("""shout --json '{"text": "a", "times": 2}'""", "AA"),
        ("shout text=12 times=2", "1212"),
        ("""turn 'report={"text": "ab", "when": "2026-01-31"}'""", "turned"),
        ("call list", "the function"),
        ("echo value=true", True),
        ("echo value=text", "text"),
        ("""echo 'value="12"'""", "12"),
        ("""echo --json '{"value": {"é": [1, null, "NaN"]}}'""", {"é": [1, None, "NaN"]}),
        (r"""echo --json '{"value": "\ud83d\ude80"}'""", "🚀"),
        ("count to=3", [0, 1, 2]),
        (f"""added --json '{{"prices": {{"a": {DIGITS}}}}}'""", DIGITS),
    ],
)
def test_it_calls_and_prints_json(script: Script, arguments: str, value: object) -> None:
    turned = {"text": "ba", "when": "2026-01-31", "tone": "loud"}

    finished = script(arguments)
    assert finished.value == (turned if value == "turned" else value)
    assert finished.err == ""


def test_arguments_come_from_files_and_standard_input_too(script: Script, tmp_path: Path) -> None:
    file = tmp_path / "arguments.json"
    file.write_text('{"text": "from a file", "times": 1}')
    pipe = """printf '{"text": "from a pipe"}' |"""

    assert script(f"shout @{file}").value == "FROM A FILE"
    assert script(f"shout --json @{file} times=2").value == "FROM A FILE" * 2
    assert script("shout -", before=pipe).value == "FROM A PIPE"
    assert script("shout --json - times=2", before=pipe).value == "FROM A PIPE" * 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("shuot text=a", Exit.NO_FUNCTION, ["did you mean 'shout'"]),
        ("describe shuot", Exit.NO_FUNCTION, ["did you mean 'shout'"]),
        ("shout", Exit.ARGUMENTS, ["'text'"]),
        ("shout text=a times=often", Exit.ARGUMENTS, ["'times'"]),
        ("shout --json '{nothing'", Exit.ARGUMENTS, ["JSON"]),
        ("fail", Exit.RAISED, ["ValueError: no", "shell_tools.py"]),
        ("fail size=100000", Exit.RAISED, ["ValueError: nono", "characters are left out"]),
        ("hurried", Exit.DEADLINE, ["0.3 s"]),
        ("work file=/dev/null seconds=20 --timeout 0.2", Exit.DEADLINE, ["0.2 s"]),
        ("", Exit.USAGE, ["usage:"]),
        ("shout text", Exit.USAGE, ["NAME=VALUE"]),
        ("shout @/nowhere.json", Exit.USAGE, ["/nowhere.json"]),
        ("shout --json '[]' text=a", Exit.USAGE, ["object"]),
        ("shout text=a --timeout 0", Exit.USAGE, ["--timeout"]),
        ("shout text=a --output /nowhere/x", Exit.USAGE, ["/nowhere/x"]),
        ("spoil to=3", Exit.RAISED, ["ValueError: spoilt", "Items before that: 3, in /"]),
        ("shout text=a > /dev/full", Exit.OTHER, ["No space left"]),
        ("job 12345678 --output /nowhere/x", Exit.USAGE, ["/nowhere/x"]),
        ("job nonsense", Exit.USAGE, ["nonsense"]),
        ("job 12345678", Exit.NO_JOB, ["12345678"]),
    ],
)
def test_each_kind_of_failure_has_its_status_and_a_message_on_standard_error(
    script: Script, arguments: str, status: Exit, words: list[str]
) -> None:
    finished = script(arguments)

    assert (finished.status, finished.out) == (status, "")
    assert "site-packages" not in finished.err
    assert len(finished.err) < 10_000
    for word in words:
        assert word in finished.err


def test_help_teaches(script: Script) -> None:
    finished = script("--help")

    assert (finished.status, finished.err) == (0, "")
    for word in ("examples:", "exit status:", "describe shout", "ISO 8601", "job"):
        assert word in finished.out
    assert "--async" in script("shout --help").out


def test_arrays_and_images_are_in_files(script: Script, tmp_path: Path) -> None:
    told = script("embed size=1000").value
    assert told == {
        "dtype": "float64",
        "shape": [1000],
        "min": 0.0,
        "max": 499.5,
        "mean": 249.75,
        "file": told["file"],
    }
    np.testing.assert_array_equal(np.load(told["file"]), np.arange(1000) / 2)
    image = script("picture").value
    assert (image["image"], Path(image["file"]).suffix) == ("png", ".png")
    assert Path(image["file"]).read_bytes().startswith(b"\x89PNG")

    script(f"embed size=3 --output {tmp_path}/numbers.npy")
    assert np.load(tmp_path / "numbers.npy").tolist() == [0.0, 0.5, 1.0]
    script(f"picture --output {tmp_path}/picture.png")
    assert len((tmp_path / "picture.png").read_bytes()) == 108
    assert script(f"shout text=a --output {tmp_path}/text.txt").value == {
        "file": f"{tmp_path}/text.txt",
        "bytes": 1,
    }
    assert (tmp_path / "text.txt").read_text() == "A"
    script(f"shout text=a --output {tmp_path}/text.json")
    assert json.loads((tmp_path / "text.json").read_text()) == "A"


def test_a_long_result_is_clipped_and_whole_in_a_file(script: Script) -> None:
    finished = script("shout text=abcdefghij times=100000")

    assert len(finished.out) < MOST_CHARACTERS + 1000
    clipped = finished.value["clipped"]
    whole = json.loads(Path(clipped["file"]).read_text())
    assert whole == "ABCDEFGHIJ" * 100_000
    assert clipped["head"].startswith('"ABC')
    assert clipped["tail"].endswith('HIJ"')
    assert clipped["left_out"] == len(whole) + 2 - MOST_CHARACTERS


def test_a_reader_that_has_seen_enough_is_no_failure(script: Script) -> None:
    finished = script("shout text=abcdefghij times=1500 | head -c 1")

    assert (finished.out, finished.err) == ('"', "")


def test_half_a_character_is_escaped(script: Script) -> None:
    finished = script("half")

    assert finished.out == '"\\ud800"\n'


def test_a_session_keeps_what_stayed_in_the_sandbox(script: Script) -> None:
    kept = script("keep size=7 --session mine").value

    assert (kept["dtype"], kept["shape"]) == ("float64", [7])
    argument = shlex.quote(f"array={json.dumps({'reference': kept['reference']})}")
    assert script(f"total {argument} --session mine").value == 7.0
    assert script(f"total {argument}").status == Exit.ARGUMENTS


def begin(script: Script, arguments: str) -> str:
    told = script(f"{arguments} --async").value
    assert told["status"] == "running"
    assert told["ask"].endswith(f"call.py' job {told['job_id']}")
    job: str = told["job_id"]
    return job


def test_a_job_outlives_its_shell_tells_how_far_it_is_and_gives_its_result(
    script: Script, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    file = tmp_path / "progress"
    job = begin(script, f"work file={file} seconds=600")
    wait_until(file.exists)

    looked = script(f"job {job} --wait 0.1")
    assert looked.status == Exit.RUNNING
    told = json.loads(looked.out)
    assert (told["job_id"], told["status"], told["function"]) == (job, "running", "work")
    assert 0 <= told["progress"]["done"] <= told["progress"]["total"] == 600
    # What stops waiting does not stop the job.
    Path(f"{file}.end").touch()
    assert script(f"job {job} --wait 60").value == "worked"
    assert file.read_text() == "done"
    # Whoever asks again hears the same.
    assert script(f"job {job}").value == "worked"


def test_of_several_that_ask_for_a_job_at_once_each_hears_how_it_is(
    script: Script, tmp_path: Path
) -> None:
    file = tmp_path / "progress"
    job = begin(script, f"work file={file} seconds=600")

    def ask(_: int) -> Finished:
        return script(f"job {job} --wait 60")

    with ThreadPoolExecutor(8) as pool:
        early = [pool.submit(ask, number) for number in range(4)]
        # Whoever asks next takes its place.
        for each in itertools.islice(as_completed(early), 3):
            assert each.result().status == Exit.RUNNING
        late = [pool.submit(ask, number) for number in range(3)]
        Path(f"{file}.end").touch()
        asked = [each.result() for each in (*early, *late)]
    assert {each.status for each in asked} <= {Exit.VALUE, Exit.RUNNING}, asked
    assert script(f"job {job}").value == "worked"


def test_a_job_that_was_over_before_anybody_asked_waits(script: Script) -> None:
    jobs = {begin(script, f"shout text={text}"): text for text in ("a", "b", "c")}

    time.sleep(0.2)
    assert {job: script(f"job {job}").value.lower() for job in jobs} == jobs


def test_a_job_can_be_cancelled(
    script: Script, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    file = tmp_path / "progress"
    job = begin(script, f"work file={file} seconds=600")
    wait_until(file.exists)

    ended = script(f"job {job} --cancel --wait 60")
    assert (ended.status, ended.out) == (Exit.CANCELLED, "")
    assert script("shout text=free --timeout 60").value == "FREE"
    assert file.read_text() == "begun"
    assert script(f"job {job}").status == Exit.CANCELLED


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("fail", Exit.RAISED),
        ("shout times=often", Exit.ARGUMENTS),
        ("hurried", Exit.DEADLINE),
        ("work file=/dev/null seconds=20 --timeout 0.2", Exit.DEADLINE),
    ],
)
def test_a_job_fails_as_the_call_would(script: Script, arguments: str, status: Exit) -> None:
    job = begin(script, arguments)

    assert [script(f"job {job} --wait 60").status for _ in range(2)] == [status, status]


def test_a_job_of_a_stream_does_not_wait_for_anybody_who_takes_its_items(
    script: Script, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    file = tmp_path / "progress"
    job = begin(script, f"drip file={file} to=5000 pause=0")

    wait_until(lambda: file.exists() and file.read_text() == "4999")
    clipped = [script(f"job {job} --wait 60").value["clipped"] for _ in range(2)]
    assert json.loads(Path(clipped[0]["file"]).read_text()) == [*range(5000)]
    assert clipped[1] == clipped[0]


def test_a_job_of_a_stream_tells_what_there_is_so_far(script: Script, tmp_path: Path) -> None:
    until = tmp_path / "until"
    job = begin(script, f"drip file={tmp_path}/progress to=60 pause=0.01 until={until}")

    for _ in range(2):
        looked = script(f"job {job} --wait 0.5")
        assert looked.status == Exit.RUNNING
        told = json.loads(looked.out)
        assert told["status"] == "running"
        assert told["last_items"] == [*range(told["items_so_far"])][-20:]
    until.touch()
    assert script(f"job {job} --wait 60 --output {tmp_path}/items").value["file"]
    assert json.loads((tmp_path / "items").read_text()) == [*range(60)]


@pytest.mark.parametrize("is_spoilt", [True, False])
def test_what_a_stream_gave_before_it_was_ended_is_in_a_file(
    script: Script, tmp_path: Path, wait_until: Callable[..., None], *, is_spoilt: bool
) -> None:
    file = tmp_path / "progress"
    if is_spoilt:
        ended = script(f"job {begin(script, 'spoil to=2000')} --wait 60")
    else:
        job = begin(script, f"drip file={file} to=1000 pause=60")
        wait_until(file.exists)
        ended = script(f"job {job} --cancel --wait 60")

    assert (ended.status, ended.out) == (Exit.RAISED if is_spoilt else Exit.CANCELLED, "")
    (count, items) = re.findall(r"^Items before that: (\d+), in (.*)$", ended.err, re.M)[0]
    assert json.loads(Path(items).read_text()) == [*range(2000 if is_spoilt else 1)]
    assert int(count) == (2000 if is_spoilt else 1)


def is_connected(pid: int) -> bool:
    """Tell whether a process has a socket."""
    links = []
    with contextlib.suppress(FileNotFoundError):
        links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    return any(link.startswith("socket:") for link in links)


def test_to_stop_waiting_leaves_the_job_alone(
    script: Script, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    file, until = tmp_path / "progress", tmp_path / "until"
    job = begin(script, f"drip file={file} to=60 pause=0.01 until={until}")
    wait_until(file.exists)

    looking = subprocess.Popen(
        [
            "sh",
            "-c",
            f"cd / && exec env -i HOME={script.home} {script.command} job {job} --wait 60",
        ],
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: is_connected(looking.pid))
    looking.send_signal(signal.SIGINT)
    assert looking.communicate(timeout=60)[1] == b""
    assert looking.returncode == Exit.INTERRUPTED
    until.touch()
    assert script(f"job {job} --wait 60").value == [*range(60)]


def test_a_result_that_cannot_be_kept_is_there_for_who_asks_again(
    script: Script, tmp_path: Path
) -> None:
    job = begin(script, "shout text=abcdefghij times=100000")
    (tmp_path / "seer").mkdir()
    for name in ("results", "jobs"):
        (tmp_path / "seer" / name).write_text("no folder")
        refused = script(f"job {job}", XDG_STATE_HOME=str(tmp_path))
        assert (refused.status, refused.out) == (Exit.OTHER, "")
        assert f"/seer/{name}" in refused.err
        (tmp_path / "seer" / name).unlink()

    assert script(f"job {job}").value["clipped"]["left_out"] == 1_000_002 - MOST_CHARACTERS


def test_functions_may_be_called_as_commands_are(shared: ScopedSandbox, tmp_path: Path) -> None:
    names = ("list", "describe", "call", "job")
    file = tmp_path / "commands.py"
    sources = [
        f'@expose\ndef {each}(text: Literal["it\'s"]) -> str:\n    return text\n' for each in names
    ]
    file.write_text("\n".join(["from typing import Literal", *sources]))
    skill = shared.serve(file, "skill").install(tmp_path / "work")
    script = Script(skill, tmp_path)

    (example,) = re.findall(
        r"^    .*call\.py (.* --json .*)$", (skill / "SKILL.md").read_text(), re.M
    )
    (shown,) = re.findall(r"^  .*call\.py'? (.* --json .*)$", script("--help").out, re.M)
    (prompted,) = re.findall(r"^    .*call\.py (.* --json .*)$", shared.prompt("commands"), re.M)
    assert example == shown == prompted
    assert script(example).value == "it's"
    for name in names:
        assert script(f"""call {name} text="it's\"""").value == "it's"
        assert script(f"describe {name}").value["signature"].startswith(f"{name}(")
    assert len(script("list").value["functions"]) == 4


def test_the_skills_own_files_hold_no_secret(script: Script, shared: ScopedSandbox) -> None:
    connection = shared.connection("shell_tools")
    texts = [file.read_text() for file in script.skill.rglob("*") if file.is_file()]

    assert len(texts) >= 5
    assert not [text for text in texts if connection.token in text or connection.endpoint in text]


def test_a_connection_can_be_named(script: Script, shared: ScopedSandbox, tmp_path: Path) -> None:
    elsewhere = tmp_path / "shell-tools"
    elsewhere.mkdir()
    subprocess.run(["cp", "-r", f"{script.skill}/.", elsewhere], check=True)
    moved = Script(elsewhere, script.home)
    lost = moved("shout text=a")
    assert lost.status == Exit.NO_SANDBOX
    assert "no connection file" in lost.err

    file = tmp_path / "connection.json"
    file.touch(0o600)
    file.write_text(shared.connection("shell_tools").to_json())
    assert moved("shout text=a", SEER_RPC_FILE=str(file)).value == "A"


def test_another_interpreter_is_told_which_one_to_take(script: Script) -> None:
    finished = subprocess.run(
        [sys.executable, "-I", "-S", script.skill / "scripts" / "call.py", "list"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1
    assert f"run this file with {sys.executable}" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_sandbox_that_changed_or_is_gone_is_a_kind_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "tools.py"
    file.write_text("@expose\ndef f(a: int) -> int:\n    return a\n")
    with ScopedSandbox() as scoped:
        script = Script(scoped.serve(file, "skill").install(tmp_path / "work"), tmp_path)
        assert script("f a=1").value == 1
        file.write_text("@expose\ndef f(a: int, b: int) -> int:\n    return a + b\n")
        scoped.serve(file)
        changed = script("f a=1")
    gone = script("f a=1")

    assert (changed.status, gone.status) == (Exit.NO_SANDBOX, Exit.NO_SANDBOX)
    assert "not the one" in changed.err
    assert "sandbox" in gone.err
    assert script("describe f").value["signature"] == "f(a: int) -> int"


def test_the_command_of_a_prompt_runs_too(shared: ScopedSandbox, tmp_path: Path) -> None:
    file = tmp_path / "prompt_tools.py"
    file.write_text("@expose\ndef double(number: int) -> int:\n    return 2 * number\n")

    prompt = shared.serve(file, "prompt")
    (command,) = re.findall(r"^    (.*call\.py.*)$", prompt, re.M)
    out = subprocess.run(
        ["sh", "-c", f"cd / && env -i HOME={tmp_path} {command}"],
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(out) == 2
    assert shared.prompt("prompt_tools", tokens=1000) != shared.prompt("prompt_tools", tokens=200)
    assert shared.connection("prompt_tools").token not in prompt


def test_prompts_of_interfaces_with_one_skill_name_call_each_its_own(
    shared: ScopedSandbox, tmp_path: Path
) -> None:
    prompts = {}
    for name in ("one_skill", "OneSkill"):
        file = tmp_path / f"{name}.py"
        file.write_text(f"@expose\ndef who() -> str:\n    return '{name}'\n")
        prompts[name] = shared.serve(file, "prompt")

    for name, prompt in prompts.items():
        (command,) = re.findall(r"^    (.*call\.py.*)$", prompt, re.M)
        out = subprocess.check_output(["sh", "-c", f"cd / && env -i HOME={tmp_path} {command}"])
        assert json.loads(out) == name


def test_a_sandbox_that_starts_removes_results_and_jobs_of_long_ago() -> None:
    long_ago = time.time() - 8 * 24 * 3600
    folders = [results_folder(), jobs_folder()]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("old", "new"):
            (folder / name).touch()
        os.utime(folder / "old", (long_ago, long_ago))

    with ScopedSandbox():
        assert [each.name for folder in folders for each in folder.iterdir()] == ["new", "new"]
