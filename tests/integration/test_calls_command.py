"""`seer calls`: what was called, from another process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import SeerError

SEER = Path(sys.executable).with_name("seer")
SOURCE = """
@expose
def shout(text: str) -> str:
    return text.upper()


@expose
def fail(text: str) -> None:
    raise KeyError(text)
"""


def seer(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SEER), "calls", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def printed(*arguments: str) -> list[str]:
    finished = seer(*arguments)
    assert finished.returncode == 0, finished.stderr
    return [line.rstrip() for line in finished.stdout.splitlines()]


def records(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed("--json", *arguments)]


@pytest.fixture
def session(scoped: ScopedSandbox, write: Callable[..., Path]) -> Iterator[Session]:
    with Session(scoped.serve(write(SOURCE)).connection) as session:
        yield session


@pytest.fixture
def called(scoped: ScopedSandbox, session: Session) -> Session:
    session.call("shout", ["[red]hello[/red]"], {})
    with contextlib.suppress(SeerError):
        session.call("fail", ["x"], {})
    session.call("shout", ["y" * 2000], {})
    scoped.calls()
    return session


def test_it_lists_the_sandboxes_and_the_newest_calls(
    scoped: ScopedSandbox, called: Session
) -> None:
    header, box, blank, columns, *calls = printed()

    assert header.split() == ["sandbox", "name", "since", "interfaces", "calls", "failed"]
    assert box.split()[0] == scoped.sandbox_id
    assert box.split()[3:] == ["tools", "3", "1"]
    assert blank == ""
    assert columns.split() == ["time", "call", "took", "outcome", "function"]
    assert [line.split()[1] for line in calls] == [f"{called.id.hex()[:6]}-{n}" for n in (1, 2, 3)]
    assert calls[0].endswith("ok            tools.shout('[red]hello[/red]')")
    assert calls[1].endswith("KeyError      tools.fail('x')")


def test_it_chooses_and_exports(scoped: ScopedSandbox, called: Session) -> None:
    assert [each["function"] for each in records("tools")] == ["shout", "fail", "shout"]
    assert [each["function"] for each in records(scoped.sandbox_id[:6], "--last", "2")] == [
        "fail",
        "shout",
    ]
    (failed,) = records("--failed")
    assert failed["exception"] == "KeyError"
    assert failed["arguments"] == "'x'"
    assert failed["sandbox"] == scoped.sandbox_id
    assert len(records("tools", "--function", "shout")) == 2
    assert printed("tools", "--function", "nothing") == ["no calls"]


def test_a_sandbox_is_found_by_its_name(write: Callable[..., Path]) -> None:
    with ScopedSandbox().start(name="count") as scoped:
        scoped.serve(write(SOURCE))
        assert printed("count") == ["no calls"]
        assert printed("tools") == ["no calls"]
        assert " count " in printed()[1]


def test_nothing_that_runs_is_said_plainly(scoped: ScopedSandbox) -> None:
    finished = seer("tools")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "no running sandbox or interface is called 'tools'" in finished.stderr
    assert scoped.sandbox_id in finished.stderr

    scoped.terminate()
    finished = seer("tools")
    assert finished.returncode == 1
    assert "no sandbox of yours runs" in finished.stderr
    finished = seer()
    assert (finished.returncode, finished.stdout) == (0, "")
    assert "no sandbox of yours runs" in finished.stderr


def test_a_folder_that_a_dead_sandbox_left_is_no_sandbox() -> None:
    folder = Path(os.environ["XDG_STATE_HOME"], "seer", "sandboxes", "0123456789abcdef")
    folder.mkdir(parents=True)
    (folder / "name").write_text("old")

    assert seer("old").returncode == 1
    assert printed() == []


def test_it_follows_until_the_sandbox_ends(scoped: ScopedSandbox, called: Session) -> None:
    with subprocess.Popen(
        [str(SEER), "calls", "tools", "--follow", "--json", "--last", "1"],
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["function"] == "shout"
        called.call("shout", ["more"], {})
        assert json.loads(following.stdout.readline())["arguments"] == "'more'"
        time.sleep(0.3)
        scoped.terminate()
        assert following.stdout.read() == ""
    assert following.returncode == 0


@pytest.mark.parametrize("arguments", [["--last", "0"], ["--last", "many"], ["--last"]])
def test_wrong_use_is_exit_status_2(arguments: list[str]) -> None:
    finished = seer(*arguments)
    assert finished.returncode == 2
    assert "usage: seer calls" in finished.stderr


def test_help_teaches() -> None:
    text = "\n".join(printed("--help"))
    assert "examples:" in text
    for option in ("--function", "--failed", "--last", "--follow", "--json"):
        assert option in text
