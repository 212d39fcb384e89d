"""Commands in a sandbox: what they are given, what they print, how they end."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import CommandResult, Sandbox, SandboxConfig
from seer_rpc.errors import (
    CommandError,
    CommandOutputError,
    CommandTimeoutError,
    ConfigError,
    SandboxError,
    SandboxFileError,
    SandboxFileNotFoundError,
    SandboxNotADirectoryError,
)
from tests.sandboxes.differences import skip_what_modal_is_not
from tests.sandboxes.places import shared_sandbox

WaitUntil = Callable[..., None]
MEBIBYTE = 1 << 20

# The processes whose command line has a word, asked for inside: a shell would have it in its own.
SEEN = """
import os, sys
for pid in os.listdir("/proc"):
    if pid.isdigit() and int(pid) != os.getpid():
        try:
            words = open(f"/proc/{pid}/cmdline").read().split("\\0")
            state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if "WORD" in words and state != "Z":
            print(pid)
"""


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox in each place, for tests that do not mind what others have done in it."""
    with shared_sandbox(request, SandboxConfig(env={"OWN": "set"})) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, shared: Sandbox) -> Sandbox:
    """It, for tests that can be there."""
    if not shared._running().machine.is_here:
        skip_what_modal_is_not(request)
    return shared


def running(sandbox: Sandbox, word: str) -> list[str]:
    """Give the processes inside that have the word as an argument."""
    return sandbox.exec_python(SEEN.replace("WORD", word)).split()


@pytest.mark.on_gpus
def test_exec_gives_what_was_printed_on_standard_output(sandbox: Sandbox) -> None:
    assert sandbox.exec("echo one; echo two >&2; echo three") == "one\nthree\n"
    assert sandbox.exec("true") == ""


def test_a_list_is_a_program_and_its_arguments_as_they_stand(sandbox: Sandbox) -> None:
    odd = ["a b", "$HOME", "", "*", "it's", 'say "x"', "new\nline", "é🚀", "\\"]
    code = "import json, sys; print(json.dumps(sys.argv[1:]))"

    assert json.loads(sandbox.exec(["python", "-c", code, *odd])) == odd


def test_a_run_gives_everything_without_raising(sandbox: Sandbox) -> None:
    result = sandbox.run("echo out; echo err >&2; exit 3")

    assert result == CommandResult("out\n", "err\n", 3)
    assert not result.ok
    assert sandbox.run("true").ok


@pytest.mark.on_gpus
def test_a_failure_has_exit_status_and_output(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError) as caught:
        sandbox.exec("echo out; echo 'no such luck' >&2; exit 3")

    assert caught.value.exit_code == 3
    assert caught.value.stdout == "out\n"
    assert caught.value.stderr == "no such luck\n"
    assert "exit status 3" in str(caught.value)
    assert "no such luck" in str(caught.value)
    assert isinstance(caught.value, SandboxError)


def test_the_message_of_a_failure_has_its_last_lines_alone(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError) as caught:
        sandbox.exec("seq 1 1000 >&2; false")

    message = str(caught.value)
    assert "\n1000" in message
    assert "\n900\n" not in message
    assert len(caught.value.stderr.split()) == 1000


@pytest.mark.parametrize("number", [9, 15, 11])
def test_a_signal_that_ended_a_command_is_named(sandbox: Sandbox, number: int) -> None:
    name = {9: "SIGKILL", 15: "SIGTERM", 11: "SIGSEGV"}[number]
    with pytest.raises(CommandError, match=name) as caught:
        sandbox.exec(["sh", "-c", f"kill -{number} $$"])
    assert caught.value.exit_code == -number

    # A shell says so of what it ran in its own way.
    assert sandbox.run(f"sh -c 'kill -{number} $$'").exit_code == 128 + number


def test_programs_that_cannot_be_run_are_told_as_a_shell_tells(sandbox: Sandbox) -> None:
    missing = sandbox.run(["no-such-program", "x"])
    assert missing.exit_code == 127
    assert "no-such-program" in missing.stderr
    assert sandbox.run("no-such-program").exit_code == 127

    refused = sandbox.run(["/etc/passwd"])
    assert refused.exit_code == 126
    assert "Permission denied" in refused.stderr
    too_long = sandbox.run(["echo", "x" * MEBIBYTE])
    assert too_long.exit_code == 126
    assert "too long" in too_long.stderr


@pytest.mark.parametrize("command", [[], [1], ["a\0b"], [b"ls"]])
def test_what_is_no_command_is_refused(sandbox: Sandbox, command: list[str]) -> None:
    with pytest.raises(ConfigError):
        sandbox.exec(command)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_is_none_is_refused(sandbox: Sandbox, timeout: float) -> None:
    with pytest.raises(ConfigError, match="timeout"):
        sandbox.exec("true", timeout=timeout)


def test_a_megabyte_of_arguments_arrives(sandbox: Sandbox) -> None:
    words = ["x" * 65536] * 16

    assert sandbox.exec(["printf", "%s", *words]) == "".join(words)


def test_shell_code_of_megabytes_runs(sandbox: Sandbox) -> None:
    assert sandbox.exec("# " + "x" * (5 * MEBIBYTE) + "\necho done") == "done\n"


def test_text_is_utf_8_both_ways(sandbox: Sandbox) -> None:
    text = "café ✨ 中文 😀\n"

    assert sandbox.exec("cat", input=text) == text
    assert sandbox.exec(f"printf %s '{text}'; printf '\\303\\251'") == text + "é"
    # What is no UTF-8 is shown, not raised.
    assert sandbox.exec("printf 'a\\377b'") == "a\ufffdb"


def test_a_command_reads_nothing_unless_it_is_given_something(sandbox: Sandbox) -> None:
    assert sandbox.exec("cat; echo over") == "over\n"
    assert sandbox.exec_python("import sys; print(repr(sys.stdin.read()))") == "''\n"


@pytest.mark.on_gpus
def test_input_is_binary_and_exact(sandbox: Sandbox) -> None:
    data = os.urandom(50 * MEBIBYTE)
    expected = __import__("hashlib").sha256(data).hexdigest()

    assert sandbox.exec("sha256sum", input=data).split()[0] == expected


def test_input_that_nobody_reads_keeps_nobody_waiting(sandbox: Sandbox) -> None:
    assert sandbox.exec("head -c 1; exec <&-", input=b"x" * (20 * MEBIBYTE)) == "x"
    assert sandbox.exec("echo done", input=b"x" * (20 * MEBIBYTE)) == "done\n"


def test_what_shells_find_special_in_input_stays_as_it_is(sandbox: Sandbox) -> None:
    special = "$HOME `id` $(id) \\ \" ' \n; exit 3\n"

    assert sandbox.exec("cat", input=special) == special


@pytest.mark.on_gpus
def test_commands_run_in_the_workspace_or_where_they_are_told(sandbox: Sandbox) -> None:
    sandbox.ensure_dir("deep/er")
    assert sandbox.exec("pwd").strip().endswith("/workspace")
    assert sandbox.exec("pwd", cwd="deep/er").strip().endswith("/workspace/deep/er")
    assert sandbox.exec("pwd", cwd="/root").strip().endswith("/root")
    assert "env" in sandbox.exec("ls", cwd="/usr/bin")


def test_a_folder_that_is_not_there_is_said_to_be_missing(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxFileNotFoundError) as caught:
        sandbox.exec("true", cwd="/workspace/nowhere")
    assert caught.value.path == "/workspace/nowhere"

    sandbox.write_file("file", "")
    with pytest.raises(SandboxNotADirectoryError):
        sandbox.exec("true", cwd="file")
    with pytest.raises(SandboxFileError):
        sandbox.exec("true", cwd="a\0b")


@pytest.mark.on_gpus
def test_variables_are_the_sandboxes_and_those_given(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTS_SECRET", "canary")

    assert sandbox.exec("echo $OWN $MORE", env={"MORE": "a 'b' é"}) == "set a 'b' é\n"
    assert sandbox.exec("echo $OWN", env={"OWN": "other"}) == "other\n"
    assert sandbox.exec("echo $HOME").strip().endswith("/root")
    assert "canary" not in sandbox.exec("env")
    with pytest.raises(ConfigError):
        sandbox.exec("true", env={"A=B": "x"})


@pytest.mark.on_gpus
def test_python_code_runs_in_a_process_of_its_own(sandbox: Sandbox) -> None:
    code = "import sys\nprint(__name__, sys.argv, end='')"

    assert sandbox.exec_python(code) == "__main__ ['-c']"
    assert sandbox.exec_python("print(input())", input="given") == "given\n"
    assert sandbox.exec_python("import os; print(os.environ['A'])", env={"A": "b"}) == "b\n"


def test_python_code_imports_what_is_in_its_folder(sandbox: Sandbox) -> None:
    sandbox.write_file("lib/beside.py", "VALUE = 3\n")

    assert sandbox.exec_python("import beside; print(beside.VALUE)", cwd="lib") == "3\n"


def test_an_error_of_python_code_shows_the_line(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError) as caught:
        sandbox.exec_python("def f():\n    raise ValueError('of mine')\n\nf()\n")

    assert "ValueError: of mine" in str(caught.value)
    assert "raise ValueError('of mine')" in caught.value.stderr
    assert "line 2, in f" in caught.value.stderr


def test_python_code_that_spawns_processes_does_not_run_again_in_them(sandbox: Sandbox) -> None:
    code = """
import multiprocessing, math
print("once")
with multiprocessing.get_context("spawn").Pool(1) as pool:
    print(pool.map(math.sqrt, [4.0]))
"""
    assert sandbox.exec_python(code) == "once\n[2.0]\n"


@pytest.mark.on_gpus
def test_output_comes_as_it_is_printed(sandbox: Sandbox) -> None:
    pieces: list[str] = []

    def go_on(text: str) -> None:
        pieces.append(text)
        sandbox.write_file("go on", "")

    text = sandbox.exec(
        "echo first; while [ ! -e 'go on' ]; do sleep 0.05; done; echo second >&2; echo third",
        on_output=go_on,
        timeout=60,
    )

    assert text == "first\nthird\n"
    assert pieces[0] == "first\n"
    assert "".join(sorted(pieces)).count("\n") == 3
    sandbox.remove("go on")
    pieces.clear()
    waiting = "while not os.path.exists('go on'): time.sleep(0.05)"
    code = f"import os, time\nprint('now')\n{waiting}\nprint('then')"
    sandbox.exec_python(code, on_output=go_on, timeout=60)
    assert pieces == ["now\n", "then\n"]
    sandbox.remove("go on")


def test_a_character_that_arrives_in_two_pieces_is_one(sandbox: Sandbox) -> None:
    pieces: list[str] = []

    sandbox.exec("printf '\\303'; sleep 0.3; printf '\\251'", on_output=pieces.append)

    assert "".join(pieces) == "é"


def test_an_error_of_a_callback_ends_the_command(sandbox: Sandbox, wait_until: WaitUntil) -> None:
    def fail(text: str) -> None:
        raise RuntimeError(text)

    with pytest.raises(RuntimeError, match="begun"):
        sandbox.exec("echo begun; exec sleep 4321", on_output=fail)

    wait_until(lambda: not running(sandbox, "4321"))


def peak_memory(status: str) -> int:
    """Give the bytes that a process has had in memory at most, from what /proc says of it."""
    return int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1]) * 1024


def test_a_flood_is_not_kept_in_memory(sandbox: Sandbox) -> None:
    received = 0

    def count(text: str) -> None:
        nonlocal received
        received += len(text)

    def peaks() -> list[int]:
        return [
            peak_memory(sandbox.exec("cat /proc/$PPID/status")),
            peak_memory(Path("/proc/self/status").read_text()),
        ]

    before = peaks()
    kept = sandbox.exec("head -c 1G /dev/zero", on_output=count, max_output=MEBIBYTE)

    assert received == 1 << 30
    assert len(kept) == MEBIBYTE
    for peak, least in zip(peaks(), before, strict=True):
        assert peak - least < 100 * MEBIBYTE


def test_a_flood_that_nobody_takes_ends_the_command(
    sandbox: Sandbox, wait_until: WaitUntil
) -> None:
    with pytest.raises(CommandOutputError, match="more than 1 MiB") as caught:
        sandbox.exec("yes 87654", max_output=MEBIBYTE)

    assert len(caught.value.stdout) == MEBIBYTE
    assert "on_output" in caught.value.hint
    wait_until(lambda: not running(sandbox, "87654"))


def test_a_slow_taker_slows_the_command(sandbox: Sandbox) -> None:
    """What is printed waits in the pipe, and little more of it anywhere else."""
    received = 0

    def take(text: str) -> None:
        nonlocal received
        if not received:
            time.sleep(1)
            assert int(sandbox.read_file("printed") or 0) < 100
        received += len(text)

    code = """
import sys
for number in range(400):
    sys.stdout.write("x" * (1 << 20))
    sys.stdout.flush()
    open("printed", "w").write(str(number))
"""
    sandbox.exec_python(code, on_output=take, max_output=MEBIBYTE)
    assert received == 400 * MEBIBYTE


def test_what_is_left_in_the_background_runs_on(sandbox: Sandbox) -> None:
    command = "(until [ -e now ]; do sleep 0.1; done; echo late; echo later > later) & echo now"
    assert sandbox.exec(command, timeout=60) == "now\n"
    sandbox.write_file("now", "")

    # To print when nobody listens any more has not ended it.
    deadline = time.monotonic() + 60
    while sandbox.run("cat later").stdout != "later\n":
        assert time.monotonic() < deadline
        time.sleep(0.1)


STARTED = {
    "itself": "exec sleep 310 NAME",
    "a child": "sleep 310 NAME; :",
    "a child in the background": "sleep 310 NAME & sleep 100",
    "a grandchild": "sh -c 'sh -c \"sleep 310 NAME; :\"; :'; :",
    "one in a session of its own": "setsid sleep 310 NAME & sleep 100",
    "one whose parent is gone": "(setsid sh -c 'sleep 310 NAME & :' &); sleep 100",
    "one without the environment": "env -i sleep 310 NAME & sleep 100",
    "one without the environment in a session of its own": "env -i setsid sleep 310 NAME & sleep 9",
    "one that ignores the request": "trap '' TERM HUP INT; sleep 310 NAME; sleep 310",
    "one that is stopped": "sh -c 'kill -STOP $$; :' NAME & sleep 100",
}


@pytest.mark.parametrize("case", STARTED)
def test_a_timeout_ends_everything_that_was_started(sandbox: Sandbox, case: str) -> None:
    # An argument that no other process of this machine has.
    word = f"{list(STARTED).index(case)}.{time.time_ns()}"
    command = "echo begun; " + STARTED[case].replace("NAME", word)

    with pytest.raises(CommandTimeoutError, match="did not end within 1 s") as caught:
        sandbox.exec(command, timeout=1)

    assert isinstance(caught.value, TimeoutError)
    assert "killed" in str(caught.value)
    assert caught.value.stdout == "begun\n"
    assert running(sandbox, word) == []


@pytest.mark.on_gpus
def test_a_timeout_ends_no_other_command(sandbox: Sandbox) -> None:
    results: list[str] = []
    other = threading.Thread(target=lambda: results.append(sandbox.exec("sleep 2; echo alive")))
    other.start()
    with pytest.raises(CommandTimeoutError):
        sandbox.exec("sleep 100", timeout=0.5)
    other.join()

    assert results == ["alive\n"]


def test_a_command_may_clean_up_before_its_time_is_over(sandbox: Sandbox) -> None:
    with pytest.raises(CommandTimeoutError) as caught:
        sandbox.exec("trap 'echo cleaned; exit 0' TERM; sleep 100 & wait", timeout=2)

    assert caught.value.stdout == "cleaned\n"


def test_one_that_ends_by_the_same_signal_has_not_run_out_of_time(sandbox: Sandbox) -> None:
    assert sandbox.run(["sh", "-c", "kill -TERM $$"], timeout=30).exit_code == -15


def test_code_and_values_are_in_no_command_line(sandbox: Sandbox) -> None:
    look = """
import os
for pid in os.listdir("/proc"):
    if pid.isdigit():
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
        assert b"canary" + b"-4711" not in line, line
print("none")
"""
    sandbox.write_file("look.py", look)

    in_shell = "secret='canary-4711'; python look.py; : canary-4711"
    assert sandbox.exec(in_shell, env={"TOKEN": "canary-4711"}, input="canary-4711") == "none\n"
    assert sandbox.exec_python("secret = 'canary-4711'\n" + look) == "none\n"


@pytest.mark.on_gpus
def test_many_commands_run_at_once(sandbox: Sandbox, wait_until: WaitUntil) -> None:
    results: list[str] = []
    waits = "until [ -e many/begin ]; do sleep 0.2; done"

    def run(number: int) -> None:
        results.append(sandbox.exec(f"echo > many/{number}; {waits}; echo {number}"))

    sandbox.ensure_dir("many")
    threads = [threading.Thread(target=run, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(sandbox.list_files("many")) == 40)
    sandbox.write_file("many/begin", "")
    for thread in threads:
        thread.join()

    assert sorted(map(int, results)) == list(range(40))


def test_commands_leave_no_descriptor_behind(sandbox: Sandbox, wait_until: WaitUntil) -> None:
    def use() -> None:
        sandbox.run("echo x; exit 1", input=b"x" * MEBIBYTE)
        sandbox.exec_python("print(1)")
        sandbox.run(["no-such-program"])
        with pytest.raises(CommandTimeoutError):
            sandbox.exec("sleep 100", timeout=0.05)
        with pytest.raises(SandboxFileNotFoundError):
            sandbox.exec("true", cwd="nowhere")

    def counted() -> int:
        return int(sandbox.exec("ls /proc/$PPID/fd | wc -l"))

    use()
    before = counted()
    for _ in range(10):
        use()

    wait_until(lambda: counted() <= before + 2)


def test_a_sandbox_that_ends_ends_its_commands(backend: str) -> None:
    errors: list[BaseException] = []

    def work(sandbox: Sandbox) -> None:
        try:
            sandbox.exec("echo $$; exec sleep 1000", on_output=pids.append)
        except BaseException as error:
            errors.append(error)

    pids: list[str] = []
    with Sandbox(backend=backend) as sandbox:
        thread = threading.Thread(target=work, args=(sandbox,))
        thread.start()
        while not pids:
            time.sleep(0.05)
    thread.join(60)

    assert not thread.is_alive()
    assert len(errors) == 1
    with pytest.raises(SandboxError, match="not running"):
        sandbox.exec("true")


def test_a_sandbox_that_was_not_started_says_so() -> None:
    with pytest.raises(SandboxError, match="not running"):
        Sandbox().exec("true")
