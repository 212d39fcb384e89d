"""Sandboxes that others than their owner find, by id or name; and what dead ones leave."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.environment.records import sweep
from seer_rpc.errors import InterfaceGoneError, SandboxError, SandboxLostError, SeerError
from seer_rpc.registry import all_sandboxes, find_sandbox, register, running_sandboxes
from tests.sandboxes.traces import Traces

WaitUntil = Callable[..., None]
Write = Callable[..., Path]

TOOLS = """
    import os

    @expose
    def up(number: int) -> int:
        return number + 1

    @expose
    def pid() -> int:
        return os.getpid()
"""

OWNER = """
    import sys, time
    from seer_rpc.environment import SandboxConfig, ScopedSandbox

    names, detach, mode, interface = sys.argv[1].split(","), sys.argv[2] == "detach", *sys.argv[3:]
    if mode == "before":
        # What happens between the record and the machine never does.
        from seer_rpc.backends import local
        local.start = lambda spec: print(spec.sandbox_id, flush=True) or time.sleep(600)
    elif mode == "between":
        # The machine is there, and nobody has written down that it is.
        from seer_rpc.environment import base
        base.running_record = lambda record, *_: print(record.id, flush=True) or time.sleep(600)
    for name in names:
        sandbox = ScopedSandbox(SandboxConfig(detach=detach, timeout=120)).start(name=name)
        library = sandbox.serve(interface, name="tools")
        print(sandbox.sandbox_id, flush=True)
    if mode == "sleep":
        time.sleep(600)
"""


class Owner:
    """A script that starts sandboxes."""

    def __init__(self, process: subprocess.Popen[str], count: int) -> None:
        self.process = process
        assert process.stdout is not None
        self.ids = [process.stdout.readline().strip() for _ in range(count)]
        if not all(self.ids):
            pytest.fail(process.communicate()[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start_owner(write: Write) -> Iterator[Callable[..., Owner]]:
    owners: list[Owner] = []

    def start(*names: str, detach: bool = False, mode: str = "sleep") -> Owner:
        script, interface = write(OWNER, "owner.py"), write(TOOLS, "tools.py")
        detached = "detach" if detach else "attach"
        process = subprocess.Popen(
            [sys.executable, script, ",".join(names), detached, mode, interface],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        owners.append(Owner(process, len(names) if mode in ("sleep", "exit") else 1))
        return owners[-1]

    yield start
    for owner in owners:
        owner.kill()
        owner.process.communicate()
    for record in running_sandboxes():
        with contextlib.suppress(SandboxError):
            Sandbox.from_id(record.id).terminate()


def folders() -> list[str]:
    place = Path(os.environ["XDG_STATE_HOME"], "seer", "sandboxes")
    return sorted(os.listdir(place)) if place.exists() else []


# The record.


@pytest.mark.on_gpus
def test_a_record_says_what_others_need_and_is_for_its_user_alone(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAL_SECRET", "canary-in-the-record")
    config = SandboxConfig(
        secrets=["TRIAL_SECRET"], env={"PLAIN": "canary-too"}, timeout=77, idle_timeout=66
    )
    with ScopedSandbox(config, backend=backend).start(name="trial") as sandbox:
        (record,) = running_sandboxes()
        file = record.folder / "record.json"
        text = file.read_text()

        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(record.folder.stat().st_mode) == 0o700
        assert (record.id, record.name, record.backend) == (sandbox.sandbox_id, "trial", backend)
        assert (record.timeout, record.idle_timeout, record.is_detached) == (77, 66, False)
        assert record.owner.pid == os.getpid()
        assert record.owner.is_alive
        assert record.summary["secrets"] == ["TRIAL_SECRET"]
        assert "canary" not in text
        assert record.admin_token not in repr(record)
        assert record.call_token not in repr(record)
    assert all_sandboxes() == []
    assert folders() == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": "x"}', "null", "\xff"])
def test_a_record_that_cannot_be_read_hides_no_other(backend: str, content: str) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        strange = Path(os.environ["XDG_STATE_HOME"], "seer", "sandboxes", "strange")
        strange.mkdir()
        (strange / "record.json").write_text(content)

        assert [record.id for record in running_sandboxes()] == [sandbox.sandbox_id]
        assert sweep() == []
        os.utime(strange, (0, 0))
        assert [folder.name for folder, _ in sweep()] == ["strange"]
        assert folders() == [sandbox.sandbox_id]


def test_a_record_speaks_for_its_own_folder_alone(backend: str) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        (record,) = running_sandboxes()
        other = record.folder.with_name("0123456789abcdef")
        other.mkdir()
        (other / "record.json").write_text(record.to_json())

        assert [each.folder for each in all_sandboxes()] == [record.folder]
        assert sandbox.sandbox_id == record.id
        other.joinpath("record.json").unlink()
        other.rmdir()


# Finding and attaching.


def test_a_sandbox_is_found_by_id_name_and_prefix(backend: str) -> None:
    with (
        ScopedSandbox(backend=backend).start(name="one") as one,
        ScopedSandbox(backend=backend).start(name="two") as two,
        ScopedSandbox(backend=backend).start(name="two") as twin,
    ):
        for which in (one.sandbox_id, "one", one.sandbox_id[:8]):
            assert find_sandbox(which).id == one.sandbox_id
        with pytest.raises(SandboxError, match="2 running sandboxes are called 'two'") as caught:
            Sandbox.from_id("two")
        assert two.sandbox_id in str(caught.value)
        assert twin.sandbox_id in str(caught.value)
        for nothing in ("three", "", one.sandbox_id[:3], "/", ".."):
            with pytest.raises(SandboxError, match="no sandbox of yours") as missing:
                Sandbox.from_id(nothing)
        assert "one" in missing.value.hint
        ended = two.sandbox_id
        two.terminate()
        assert Sandbox.from_id("two").sandbox_id == twin.sandbox_id
    with pytest.raises(SandboxError, match="no sandbox of yours"):
        Sandbox.from_id(ended)


def test_another_process_works_in_a_sandbox_and_its_end_changes_nothing(
    backend: str, write: Write
) -> None:
    source = """
        import sys
        from seer_rpc.client import Session
        from seer_rpc.environment import ScopedSandbox

        sandbox = ScopedSandbox.from_id("shared")
        sandbox.write_file("/workspace/from_there", "text")
        library = sandbox.serve(sys.argv[1], name="more")
        with Session(library.connection) as session:
            print(session.call("up", [1], {}), sandbox.exec("echo there"), end="")
        if sys.argv[2] == "with":
            with sandbox:
                pass
    """
    script, interface = write(source, "other.py"), write(TOOLS, "tools.py")
    with ScopedSandbox(backend=backend).start(name="shared") as sandbox:
        for way in ("with", "exit"):
            finished = subprocess.run(
                [sys.executable, script, interface, way],
                capture_output=True,
                text=True,
                check=False,
            )
            assert finished.stdout == "2 there\n", finished.stderr
        assert sandbox.read_file("/workspace/from_there") == "text"
        assert [record.name for record in running_sandboxes()] == ["shared"]


@pytest.mark.on_gpus
def test_whoever_attaches_calls_what_is_served_already(backend: str, write: Write) -> None:
    with ScopedSandbox(backend=backend) as owner:
        owner.serve(write(TOOLS, "tools.py"))
        with pytest.raises(SeerError):
            owner.serve(write("raise ValueError", "broken.py"))

        attached = ScopedSandbox.from_id(owner.sandbox_id)

        with Session(attached.connection("tools")) as session:
            assert session.call("up", [1], {}) == 2
        assert "up(" in attached.prompt("tools")
        with pytest.raises(InterfaceGoneError, match="served: tools"):
            attached.connection("broken")


@pytest.mark.on_gpus
def test_whoever_is_attached_can_end_it_and_the_owner_is_told(backend: str) -> None:
    with ScopedSandbox(backend=backend) as owner:
        attached = ScopedSandbox.from_id(owner.sandbox_id)
        assert attached.name == owner.name

        attached.terminate()

        assert running_sandboxes() == []
        with pytest.raises(SandboxLostError, match="asked to stop"):
            owner.exec("true")
        attached.terminate()
    assert folders() == []


@pytest.mark.on_gpus
def test_an_attached_sandbox_that_ended_is_an_error(backend: str) -> None:
    with ScopedSandbox(backend=backend) as owner:
        attached = Sandbox.from_id(owner.sandbox_id)
    with pytest.raises(SandboxLostError, match="has ended"):
        attached.exec("true")
    attached.terminate()


def test_a_sandbox_that_still_starts_is_said_to(backend: str) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        (record,) = running_sandboxes()
        register(type(record)(**{**vars(record), "endpoint": ""}))
        with pytest.raises(SandboxError, match="still starting"):
            Sandbox.from_id(sandbox.sandbox_id)


# Detached ones.


@pytest.mark.parametrize("mode", ["exit", "kill"])
def test_a_detached_sandbox_outlives_its_owner(
    start_owner: Callable[..., Owner], wait_until: WaitUntil, mode: str, write: Write
) -> None:
    owner = start_owner("far", detach=True, mode="exit" if mode == "exit" else "sleep")
    if mode == "kill":
        owner.kill()
    owner.process.wait(60)
    time.sleep(1.5)
    assert sweep() == []

    attached = ScopedSandbox.from_id("far")
    assert attached.sandbox_id == owner.ids[0]
    with Session(attached.serve(write(TOOLS, "again.py")).connection) as session:
        assert session.call("up", [41], {}) == 42
    assert attached.exec("echo alive") == "alive\n"
    attached.terminate()

    wait_until(lambda: Traces(*owner.ids).fronts() == [])
    assert folders() == []


def test_a_detached_sandbox_is_ended_by_its_own_owner_too(backend: str) -> None:
    sandbox = ScopedSandbox(SandboxConfig(detach=True), backend=backend).start()
    sandbox.terminate()
    assert folders() == []
    assert Traces(sandbox.sandbox_id).fronts() == []


# Owners that die.


def test_every_sandbox_of_a_killed_owner_is_found(
    start_owner: Callable[..., Owner], wait_until: WaitUntil
) -> None:
    owner = start_owner("a", "b", "c")
    assert len(Traces(*owner.ids).wardens()) == 3
    # Nothing is left that could clean up.
    for pid in Traces(*owner.ids).wardens():
        os.kill(pid, signal.SIGKILL)
    owner.kill()
    assert folders() == sorted(owner.ids)

    assert sorted(folder.name for folder, _ in sweep(dry_run=True)) == sorted(owner.ids)
    assert folders() == sorted(owner.ids)
    assert sorted(folder.name for folder, _ in sweep()) == sorted(owner.ids)

    assert folders() == []
    wait_until(lambda: Traces(*owner.ids).fronts() == [])


def test_the_next_start_removes_what_dead_ones_left(
    start_owner: Callable[..., Owner], backend: str
) -> None:
    owner = start_owner("a")
    for pid in Traces(*owner.ids).wardens():
        os.kill(pid, signal.SIGKILL)
    owner.kill()
    assert folders() == owner.ids

    with ScopedSandbox(backend=backend) as sandbox:
        assert folders() == [sandbox.sandbox_id]


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("moment", ["before", "between"])
def test_one_whose_owner_died_while_it_started_is_found(
    start_owner: Callable[..., Owner], wait_until: WaitUntil, moment: str, detach: bool
) -> None:
    owner = start_owner("half", detach=detach, mode=moment)
    assert folders() == owner.ids
    assert json.loads((all_sandboxes()[0].folder / "record.json").read_text())["endpoint"] == ""
    assert sweep() == []

    owner.kill()
    if moment == "between" and not detach:
        wait_until(lambda: folders() == [])
        assert sweep() == []
    else:
        assert [folder.name for folder, _ in sweep()] == owner.ids
    wait_until(lambda: Traces(*owner.ids).fronts() == [])
    assert folders() == []


def test_a_sandbox_of_another_world_is_left_alone(backend: str) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        (record,) = running_sandboxes()
        owner = record.owner._replace(world="far", pid=1)
        foreign = {**vars(record), "id": "f" * 16, "owner": owner}
        register(type(record)(**foreign))
        assert sweep() == []
        register(type(record)(**{**foreign, "created": "2020-01-01T00:00:00+00:00"}))
        assert [folder.name for folder, _ in sweep()] == ["f" * 16]
        assert folders() == [sandbox.sandbox_id]


@pytest.mark.on_gpus
def test_many_sandboxes_at_once(backend: str) -> None:
    # On Modal each has a client's threads and a machine of its own here.
    count = 20 if backend == "local" else 6

    def start(number: int) -> ScopedSandbox:
        return ScopedSandbox(backend=backend).start(name=f"number-{number}")

    with ThreadPoolExecutor(count) as threads:
        sandboxes = list(threads.map(start, range(count)))
    try:
        assert len({record.id for record in running_sandboxes()}) == count
        for number in (0, count - 1):
            assert Sandbox.from_id(f"number-{number}").exec(f"echo {number}") == f"{number}\n"
    finally:
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(lambda sandbox: sandbox.terminate(), sandboxes))
    assert folders() == []
    assert Traces(*(sandbox.sandbox_id for sandbox in sandboxes)).fronts() == []
