"""`seer ps`, `logs`, `exec`, `stop`, `gc` and `snapshots`, from other processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.registry import running_sandboxes
from tests.sandboxes.traces import Traces

Write = Callable[..., Path]
WaitUntil = Callable[..., None]

SEER = [sys.executable, "-m", "seer_rpc.cli"]
TOOLS = """
    import time

    print("tools are loaded", flush=True)

    @expose
    def say(text: str) -> str:
        print(text, flush=True)
        return text

    @expose
    def nap(seconds: float) -> float:
        print("napping", flush=True)
        time.sleep(seconds)
        return seconds
"""


def seer(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*SEER, *arguments], input=given, capture_output=True, check=False, timeout=120
    )


def printed(*arguments: str) -> str:
    finished = seer(*arguments)
    assert finished.returncode == 0, finished.stderr.decode()
    return finished.stdout.decode()


def listed(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed("ps", "--json", *arguments).splitlines()]


@pytest.fixture
def sandbox(write: Write) -> Iterator[ScopedSandbox]:
    config = SandboxConfig(env={"PLAIN": "canary-of-the-listing"}, timeout=1000)
    with ScopedSandbox(config).start(name="trial") as scoped:
        scoped.serve(write(TOOLS), name="tools")
        yield scoped


@pytest.fixture
def detached(write: Write) -> Iterator[str]:
    """The id of a sandbox whose script is gone."""
    source = """
        import sys
        from seer_rpc.environment import SandboxConfig, ScopedSandbox
        sandbox = ScopedSandbox(SandboxConfig(detach=True, timeout=300)).start(name="far")
        sandbox.serve(sys.argv[1], name="tools")
        print(sandbox.sandbox_id)
    """
    script = [sys.executable, str(write(source, "start.py")), str(write(TOOLS))]
    yield subprocess.check_output(script, text=True).strip()
    seer("stop", "--all", "--grace", "0")


# ps


def test_ps_lists_what_runs(sandbox: ScopedSandbox, detached: str) -> None:
    first, second = listed()
    text = printed("ps")

    assert (first["id"], first["name"]) == (sandbox.sandbox_id, "trial")
    assert (first["state"], first["backend"], first["interfaces"]) == (
        "running",
        "local",
        ["tools"],
    )
    assert (first["is_detached"], second["is_detached"]) == (False, True)
    assert first["owner"] == os.getpid()
    assert 0 < first["left"] <= 1000
    assert first["memory"] > 1 << 20
    for word in (sandbox.sandbox_id, "trial", detached, "far", "local", "tools", "detached"):
        assert word in text
    run = sandbox._run
    assert run is not None
    for secret in (run.call_token, run.admin_token, "canary-of-the-listing"):
        assert secret not in text + json.dumps([first, second])


def test_ps_says_where_there_is_nothing() -> None:
    finished = seer("ps")
    assert (finished.returncode, finished.stdout) == (0, b"")
    assert b"no sandbox of yours runs" in finished.stderr
    assert listed() == []


def test_ps_all_shows_what_has_ended(sandbox: ScopedSandbox, wait_until: WaitUntil) -> None:
    run = sandbox._run
    assert run is not None
    run.control.stop(0)
    wait_until(lambda: run.machine.exit_code() is not None)

    assert listed() == []
    assert [each["state"] for each in listed("--all")] == ["ended"]
    assert b"1 ended or start: seer ps --all" in seer("ps").stderr


# logs


def test_logs_show_what_was_printed(sandbox: ScopedSandbox) -> None:
    with Session(sandbox.connection("tools")) as session:
        for number in range(5):
            session.call("say", [f"line {number}"], {})
    lines = printed("logs", "trial").splitlines()
    assert lines[0] == "tools are loaded"
    assert [line.rpartition("] ")[2][-6:] for line in lines[-5:]] == [f"line {n}" for n in range(5)]
    assert printed("logs", sandbox.sandbox_id[:8], "-n", "2").splitlines() == lines[-2:]
    missing = seer("logs", "nothing")
    assert missing.returncode == 1
    assert b"no sandbox of yours" in missing.stderr
    assert sandbox.sandbox_id.encode() in missing.stderr


def test_logs_follow_until_the_sandbox_ends(sandbox: ScopedSandbox) -> None:
    with subprocess.Popen(
        [*SEER, "logs", "trial", "-f"], stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "tools are loaded\n"
        with Session(sandbox.connection("tools")) as session:
            session.call("say", ["something new"], {})
        assert "something new" in following.stdout.readline()
        time.sleep(0.5)
        ScopedSandbox.from_id("trial").terminate()
        rest = following.stdout.read()
    assert "seer: stopping: it was asked to stop" in rest
    assert following.returncode == 0


def test_the_log_of_one_that_has_ended_is_there_while_its_folder_is(
    sandbox: ScopedSandbox,
) -> None:
    ScopedSandbox.from_id("trial").terminate()
    assert "tools are loaded" in printed("logs", "trial")


# exec


def test_exec_passes_streams_and_status_through(sandbox: ScopedSandbox) -> None:
    content = bytes(range(256)) * 1000
    finished = seer("exec", "trial", "cat; echo problem >&2; exit 7", given=content)
    assert (finished.stdout, finished.stderr) == (content, b"problem\n")
    assert finished.returncode == 7
    assert seer("exec", "trial", "kill -9 $$").returncode == 137
    assert seer("exec", "trial", "printf", "%s.", "a b", "$HOME", "*").stdout == b"a b.$HOME.*."
    assert seer("exec", "-e", "A=1 2", "trial", 'echo "$A"').stdout == b"1 2\n"
    assert seer("exec", "-n", "trial", "cat", given=b"unread").stdout == b""
    assert seer("exec", "trial", "--", "echo", "-n").stdout == b""
    in_home = seer("exec", "--cwd", "/root", "trial", "pwd").stdout
    assert in_home.rstrip().endswith(b"/root")


def test_exec_says_what_is_wrong(sandbox: ScopedSandbox) -> None:
    late = seer("exec", "--timeout", "0.5", "trial", "sleep 60")
    assert late.returncode == 124
    assert b"did not end within 0.5 s" in late.stderr
    assert seer("exec", "trial").returncode == 2
    assert seer("exec", "-e", "=x", "trial", "true").returncode == 2
    missing = seer("exec", "nothing", "true")
    assert missing.returncode == 1
    assert b"no sandbox of yours" in missing.stderr


def test_what_reads_exec_may_stop_reading(sandbox: ScopedSandbox) -> None:
    command = f"{sys.executable} -m seer_rpc.cli exec trial yes | head -n 1"
    finished = subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, check=False
    )
    assert finished.stdout == b"y\n141\n"
    assert finished.stderr == b""


def test_ctrl_c_ends_the_command(sandbox: ScopedSandbox, wait_until: WaitUntil) -> None:
    with subprocess.Popen(
        [*SEER, "exec", "trial", "echo begun; exec sleep 4242"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode == 130
    wait_until(lambda: "4242" not in sandbox.exec("ps -ef | grep 'sleep 42[4]2' || true"))


# stop


def test_stop_ends_detached_ones_and_keeps_their_files(detached: str) -> None:
    seer("exec", "far", "echo kept > notes")
    stopped = seer("stop", "far", "--snapshot", "by the way")
    assert stopped.returncode == 0, stopped.stderr.decode()
    snapshot = stopped.stdout.decode().strip()

    assert listed("--all") == []
    assert not (Path(os.environ["XDG_STATE_HOME"]) / "seer" / "sandboxes" / detached).exists()
    (known,) = [json.loads(line) for line in printed("snapshots", "--json").splitlines()]
    assert (known["id"], known["description"]) == (snapshot, "by the way")
    assert snapshot in printed("snapshots")
    with ScopedSandbox.from_snapshot(snapshot) as again:
        assert again.read_file("/workspace/notes") == "kept\n"
    assert seer("snapshots", "remove", snapshot).returncode == 0
    assert printed("snapshots", "list", "--json") == ""
    assert seer("snapshots", "remove", snapshot).returncode == 1


def test_stop_takes_several_or_all_and_goes_on_after_a_failure(
    sandbox: ScopedSandbox, detached: str
) -> None:
    some = seer("stop", "nothing", detached, "--grace", "0")
    assert some.returncode == 1
    assert [each["id"] for each in listed()] == [sandbox.sandbox_id]
    assert seer("stop").returncode == 2
    assert seer("stop", "--all", "trial").returncode == 2
    assert seer("stop", "--all", "--grace", "0").returncode == 0
    assert running_sandboxes() == []


def test_stop_lets_calls_end(sandbox: ScopedSandbox, wait_until: WaitUntil) -> None:
    with Session(sandbox.connection("tools")) as session:
        number = session.start("nap", [1.5], {})
        wait_until(lambda: "napping" in sandbox.rpc_logs())
        with subprocess.Popen([*SEER, "stop", "trial"], stderr=subprocess.DEVNULL) as stopping:
            assert session.collect(number) == 1.5
        assert stopping.returncode == 0


# gc


def test_gc_removes_what_dead_ones_left(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = """
        import time
        from seer_rpc.environment import ScopedSandbox
        sandbox = ScopedSandbox().start(name="orphan")
        sandbox.snapshot()
        print(sandbox.sandbox_id, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, write(source, "owner.py")], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        sandbox = owner.stdout.readline().strip()
        # Nothing is left that could clean up.
        (warden,) = Traces(sandbox).wardens()
        os.kill(warden, signal.SIGKILL)
        owner.kill()
    state = Path(os.environ["XDG_STATE_HOME"]) / "seer"
    cache = tmp_path / "cache" / "seer"
    lock = cache / "repos" / "circuits.lock"
    old = [state / "results" / "old.json", cache / "repos" / "circuits.git", lock]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        os.utime(path, (0, 0))

    would = printed("gc", "--dry-run")
    assert f"would remove sandbox {sandbox} orphan" in would
    assert "would remove results/old.json" in would
    assert "would remove repos/circuits.git" in would
    assert (state / "sandboxes" / sandbox).exists()
    did = printed("gc")
    assert did == would.replace("would remove", "removed")
    assert list((state / "sandboxes").iterdir()) == []
    assert [path for path in old if path.exists()] == [lock]
    assert printed("gc") == "nothing to remove\n"
    assert len(printed("snapshots", "--json").splitlines()) == 1


def test_gc_leaves_alone_what_runs(sandbox: ScopedSandbox, detached: str) -> None:
    assert printed("gc") == "nothing to remove\n"
    assert {each["id"] for each in listed()} == {sandbox.sandbox_id, detached}


@pytest.mark.parametrize("command", ["ps", "logs", "exec", "stop", "gc", "snapshots"])
def test_help_teaches_by_examples(command: str) -> None:
    text = printed(command, "--help")
    assert "examples:" in text
    assert f"  seer {command}" in text
