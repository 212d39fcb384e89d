"""How sandboxes end: nothing of theirs stays behind, and whoever waits is told why."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    SandboxError,
    SandboxLostError,
    SeerError,
    StateLostError,
    WorkerDiedError,
)
from tests.integration.ways import await_running
from tests.pids import on_host

Alive = Callable[[int], bool]
WaitUntil = Callable[..., None]
Write = Callable[..., Path]

PROCESSES = """
    import os
    import subprocess
    import sys
    import time

    SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
    print("loaded with care", flush=True)
    count = 0


    def double_fork():
        # As a daemon does: the parent of the grandchild is gone, and so is its session.
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            grandchild = os.fork()
            if grandchild == 0:
                os.close(0), os.close(1), os.close(2)
                os.execv(SLEEP[0], SLEEP)
            os.write(writer, str(grandchild).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        return int(os.read(reader, 20))


    @expose
    def processes() -> dict[str, int]:
        return {"front": os.getppid(), "worker": os.getpid()}


    @expose
    def offspring() -> dict[str, int]:
        stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
        return {
            "child": subprocess.Popen(SLEEP).pid,
            "own session": subprocess.Popen(SLEEP, start_new_session=True).pid,
            "ignores SIGTERM": subprocess.Popen([sys.executable, "-c", stubborn]).pid,
            "daemon": double_fork(),
        }


    @expose
    def up() -> int:
        global count
        count += 1
        return count


    @expose
    def nap(seconds: float) -> float:
        print("napping", flush=True)
        time.sleep(seconds)
        return seconds


    @expose
    def spin() -> None:
        print("spinning", flush=True)
        while True:
            pass


    @expose
    def stubborn() -> None:
        print("stubborn", flush=True)
        while True:
            try:
                while True:
                    time.sleep(0.1)
            except BaseException:
                pass
"""


class Running(NamedTuple):
    """A sandbox of a test's own, with an interface."""

    sandbox: ScopedSandbox
    session: Session
    front: int
    worker: int

    def processes(self) -> dict[str, int]:
        found: dict[str, int] = self.session.call("processes", [], {})
        return on_host(self.sandbox, found)

    @property
    def folder(self) -> Path:
        return Path(os.environ["XDG_STATE_HOME"]) / "seer" / "sandboxes" / self.sandbox.sandbox_id


@pytest.fixture
def running(scoped: ScopedSandbox, write: Write) -> Iterator[Running]:
    session = Session(scoped.connection(scoped.serve(write(PROCESSES)).name))
    processes = on_host(scoped, session.call("processes", [], {}))
    yield Running(scoped, session, processes["front"], processes["worker"])
    session.close()


class Outcome:
    """What became of a call that another thread made."""

    def __init__(self, session: Session, function: str, *args: object) -> None:
        self.value: object = None
        self.error: SeerError | None = None
        self.thread = threading.Thread(target=self._run, args=(session, function, args))
        self.thread.start()

    def _run(self, session: Session, function: str, args: tuple[object, ...]) -> None:
        try:
            self.value = session.call(function, args, {})
        except SeerError as error:
            self.error = error

    def join(self) -> Outcome:
        self.thread.join(60)
        assert not self.thread.is_alive(), "the call hangs"
        return self


# Ends that are asked for.


def test_terminate_leaves_no_process_and_no_folder(running: Running, alive: Alive) -> None:
    offspring = on_host(running.sandbox, running.session.call("offspring", [], {}))
    everything = {"front": running.front, "worker": running.worker, **offspring}
    assert all(map(alive, everything.values()))
    assert running.folder.is_dir()

    running.sandbox.terminate()

    assert [name for name, pid in everything.items() if alive(pid)] == []
    assert not running.folder.exists()


def test_leaving_the_with_block_ends_the_sandbox_even_through_an_error(
    write: Write, alive: Alive
) -> None:
    pids: dict[str, int] = {}

    def fail() -> None:
        with ScopedSandbox(SandboxConfig()) as sandbox:
            session = Session(sandbox.connection(sandbox.serve(write(PROCESSES)).name))
            pids.update(on_host(sandbox, session.call("processes", [], {})))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pids
    assert [name for name, pid in pids.items() if alive(pid)] == []


def test_terminating_twice_or_before_the_start_does_nothing() -> None:
    sandbox = ScopedSandbox(SandboxConfig())
    sandbox.terminate()
    sandbox.start()
    sandbox.terminate()
    sandbox.terminate()

    with pytest.raises(SandboxError, match="not running"):
        sandbox.rpc_logs()


def test_starting_twice_starts_once(running: Running) -> None:
    assert running.sandbox.start() is running.sandbox
    assert running.sandbox.start(name="another") is running.sandbox
    with running.sandbox as same:
        assert same is running.sandbox
        assert running.processes()["front"] == running.front


@pytest.mark.parametrize("function", ["spin", "stubborn", "nap"])
def test_a_busy_worker_does_not_hold_up_the_end(
    running: Running, alive: Alive, wait_until: WaitUntil, function: str
) -> None:
    outcome = Outcome(running.session, function, *([600.0] if function == "nap" else []))
    wait_until(lambda: running.sandbox.rpc_logs(1) != "loaded with care")
    begun = time.monotonic()

    running.sandbox.terminate()

    # Sooner than one that does not end is killed.
    assert time.monotonic() - begun < 24
    outcome.join()
    assert isinstance(outcome.error, SeerError)
    assert not alive(running.worker)
    assert not alive(running.front)


def test_terminate_from_another_thread_ends_a_load_that_takes_long(
    write: Write, alive: Alive, wait_until: WaitUntil
) -> None:
    sandbox = ScopedSandbox(SandboxConfig()).start()
    file = write("import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(600)\n")
    errors: list[BaseException] = []

    def serve() -> None:
        try:
            sandbox.serve(file)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    wait_until(lambda: "pid" in sandbox.rpc_logs())
    worker = on_host(sandbox, int(sandbox.rpc_logs().split()[1]))
    sandbox.terminate()
    thread.join(60)

    assert not thread.is_alive()
    assert [isinstance(error, SeerError) for error in errors] == [True]
    assert not alive(worker)


def test_a_sandbox_ends_by_itself_after_its_timeout(
    write: Write, alive: Alive, wait_until: WaitUntil
) -> None:
    # Time enough for a machine that has other work.
    with ScopedSandbox(SandboxConfig(timeout=6)) as sandbox:
        session = Session(sandbox.connection(sandbox.serve(write(PROCESSES)).name))
        offspring = session.call("offspring", [], {})
        pids = on_host(sandbox, session.call("processes", [], {}) | offspring)
        idle = Session(sandbox.connection("tools"))
        outcome = Outcome(session, "nap", 600.0).join()

        assert isinstance(outcome.error, SeerError)
        wait_until(lambda: not any(map(alive, pids.values())))
        wait_until(lambda: idle.lost is not None)
        for each in (session, idle):
            with pytest.raises(SandboxLostError, match="lifetime"):
                each.call("up", [], {})
            each.close()
        with pytest.raises(SandboxLostError, match="ended"):
            sandbox.serve(write(PROCESSES))


CYCLES = """
    import contextlib
    import gc
    import os
    import sys
    import threading
    import time
    from pathlib import Path

    from seer_rpc.client import Session
    from seer_rpc.environment import SandboxConfig, ScopedSandbox


    def cycle():
        with ScopedSandbox(SandboxConfig()) as sandbox:
            session = Session(sandbox.connection(sandbox.serve(sys.argv[1]).name))
            assert session.call("up", [], {}) == 1
            session.close()


    def count():
        gc.collect()
        children = 0
        for thread in os.listdir("/proc/self/task"):
            # Threads end meanwhile.
            with contextlib.suppress(OSError):
                children += len(Path("/proc/self/task", thread, "children").read_text().split())
        return len(os.listdir("/proc/self/fd")), threading.active_count(), children


    # What gRPC keeps for good is there after the first ones.
    for _ in range(3):
        cycle()
    before = count()
    for _ in range(10):
        cycle()
    deadline = time.monotonic() + 60
    while any(now > then for now, then in zip(count(), before)):
        assert time.monotonic() < deadline, (before, count())
        time.sleep(0.05)
"""


def test_many_starts_and_stops_leave_neither_descriptors_nor_threads(write: Write) -> None:
    finished = subprocess.run(
        [sys.executable, write(CYCLES, "cycles.py"), write(PROCESSES)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert os.listdir(Path(os.environ["XDG_STATE_HOME"]) / "seer" / "sandboxes") == []


# Owners that end.

OWNER = """
    import os
    import signal
    import sys
    import threading
    import time

    from seer_rpc.client import Session
    from seer_rpc.environment import SandboxConfig, ScopedSandbox

    if __name__ == "__main__":
        mode, interface = sys.argv[1:]
        sandbox = ScopedSandbox(SandboxConfig()).start()
        session = Session(sandbox.connection(sandbox.serve(interface).name))
        pids = session.call("processes", [], {}) | session.call("offspring", [], {})
        if mode == "fork" and (child := os.fork()) == 0:
            time.sleep(600)
            os._exit(0)
        report = {"pids": pids, "child": child if mode == "fork" else 0}
        print(report, flush=True)
        # Its processes are looked up while they are there.
        sys.stdin.readline()
        if mode == "exit":
            sys.exit(3)
        elif mode == "raise":
            raise RuntimeError("a script's own error")
        elif mode == "abrupt":
            os._exit(4)
        elif mode == "thread":
            threading.Thread(target=session.call, args=("nap", [600.0], {})).start()
            time.sleep(0.5)
            os._exit(5)
        elif mode == "call":
            with sandbox:
                session.call("nap", [600.0], {})
        else:
            time.sleep(600)
"""


class Owner(NamedTuple):
    """A script that started a sandbox, and what it said."""

    process: subprocess.Popen[str]
    pids: dict[str, int]
    child: int
    state: Path
    processes: list[int]
    """Their descriptors."""

    def rest(self) -> tuple[str, str]:
        return self.process.communicate(timeout=60)

    def left(self, alive: Alive) -> list[object]:
        """Give what is still there of the sandbox."""
        processes: list[object] = [name for name, pid in self.pids.items() if alive(pid)]
        return [*processes, *(self.state / "seer" / "sandboxes").iterdir()]


@pytest.fixture
def start_owner(write: Write, tmp_path: Path) -> Iterator[Callable[[str], Owner]]:
    owners: list[Owner] = []

    def start(mode: str) -> Owner:
        state = tmp_path / "state"
        process = subprocess.Popen(
            [sys.executable, write(OWNER, "owner.py"), mode, write(PROCESSES, "processes.py")],
            env={**os.environ, "XDG_STATE_HOME": str(state)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.fail(process.communicate()[1])
        report = ast.literal_eval(line)
        pids = on_host(process.pid, report["pids"])
        child = report["child"]
        opened = [os.pidfd_open(pid) for pid in (*pids.values(), *([child] if child else []))]
        owners.append(Owner(process, pids, child, state, opened))
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        return owners[-1]

    yield start
    for owner in owners:
        for process in owner.processes:
            # By its number it could be another one's by now.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
            os.close(process)
        owner.process.kill()
        owner.process.communicate()


def test_an_owner_that_is_killed_takes_everything_with_it(
    start_owner: Callable[[str], Owner], alive: Alive, wait_until: WaitUntil
) -> None:
    owner = start_owner("sleep")
    assert all(map(alive, owner.pids.values()))
    assert len(owner.left(alive)) == len(owner.pids) + 1

    owner.process.kill()

    wait_until(lambda: owner.left(alive) == [])


def test_an_owner_that_is_killed_takes_everything_with_it_though_a_fork_of_it_lives_on(
    start_owner: Callable[[str], Owner], alive: Alive, wait_until: WaitUntil
) -> None:
    owner = start_owner("fork")
    owner.process.kill()

    wait_until(lambda: owner.left(alive) == [])
    assert alive(owner.child)


@pytest.mark.parametrize(
    ("mode", "status"), [("exit", 3), ("raise", 1), ("abrupt", 4), ("thread", 5)]
)
def test_a_script_that_ends_without_terminate_leaves_nothing(
    start_owner: Callable[[str], Owner],
    alive: Alive,
    wait_until: WaitUntil,
    mode: str,
    status: int,
) -> None:
    owner = start_owner(mode)
    out, err = owner.rest()

    assert owner.process.returncode == status
    assert out == ""
    assert ("a script's own error" in err) is (mode == "raise")
    wait_until(lambda: owner.left(alive) == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_an_owner_that_waits_in_a_call_ends_everything(
    start_owner: Callable[[str], Owner], alive: Alive, wait_until: WaitUntil, number: signal.Signals
) -> None:
    owner = start_owner("call")
    log = next((owner.state / "seer" / "sandboxes").iterdir()) / "log"
    wait_until(lambda: "napping" in log.read_text())

    owner.process.send_signal(number)
    _, err = owner.rest()

    assert owner.process.returncode in (-number, 130)
    assert ("KeyboardInterrupt" in err) is (number is signal.SIGINT)
    wait_until(lambda: owner.left(alive) == [])


def test_ctrl_c_reaches_the_owner_alone(start_owner: Callable[[str], Owner], alive: Alive) -> None:
    # The terminal sends it to the whole foreground group; the sandbox is in none of the owner's.
    owner = start_owner("sleep")
    group = os.getpgid(owner.process.pid)

    assert [name for name in ("front", "worker") if os.getpgid(owner.pids[name]) == group] == []
    assert all(map(alive, owner.pids.values()))


def test_the_standard_output_of_a_script_is_its_own(write: Write, tmp_path: Path) -> None:
    interface = write(PROCESSES, "processes.py")
    script = write(
        """
        import sys

        from seer_rpc.environment import SandboxConfig, ScopedSandbox
        from seer_rpc.execution import create_local_session
        from seer_rpc.workspace import Workspace

        with ScopedSandbox(SandboxConfig()) as sandbox:
            library = sandbox.serve(sys.argv[1])
            create_local_session(Workspace(libraries=[library]), sys.argv[2])
            import processes

            processes.nap(2.5)
            print("one", processes.up())
            sandbox.show_rpc_logs()
            sandbox.serve(sys.argv[3])
        print("two")
        """,
        "script.py",
    )
    pending = write("import nowhere_to_be_found\n", "pending.py")
    finished = subprocess.run(
        [sys.executable, script, interface, tmp_path / "session", pending],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "one 1\ntwo\n"
    assert "napping" in finished.stderr
    assert "nowhere_to_be_found" in finished.stderr


FORKING = """
    import os
    import sys

    from seer_rpc.environment import SandboxConfig, ScopedSandbox
    from seer_rpc.execution import create_local_session
    from seer_rpc.workspace import Workspace

    mode, interface, folder = sys.argv[1:]
    with ScopedSandbox(SandboxConfig()) as sandbox:
        create_local_session(Workspace(libraries=[sandbox.serve(interface)]), folder)
        import processes

        assert processes.up() == 1
        for number in range(20 if mode == "call" else 1):
            child = os.fork()
            if child == 0:
                if mode == "leave":
                    sys.exit(0)
                try:
                    os._exit(processes.up())
                finally:
                    os._exit(99)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        print("parent", processes.up(), flush=True)
"""


@pytest.mark.parametrize(
    ("mode", "printed"),
    [
        ("call", "".join(f"{number}\n" for number in range(2, 22)) + "parent 22\n"),
        ("leave", "0\nparent 2\n"),
    ],
)
def test_a_forked_child_opens_a_session_of_its_own_and_ends_no_sandbox(
    write: Write, tmp_path: Path, mode: str, printed: str
) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, write(FORKING, "forking.py"), mode),
            *(write(PROCESSES, "processes.py"), tmp_path / "session"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=60)
    finally:
        # A child that hangs would outlive its parent.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    assert out == printed, err


# Fronts and workers that are killed from outside.


def test_a_front_killed_while_idle_is_told_by_the_next_call(
    running: Running, alive: Alive, wait_until: WaitUntil
) -> None:
    os.kill(running.front, signal.SIGKILL)
    wait_until(lambda: not alive(running.worker))
    wait_until(lambda: running.session.lost is not None)

    with pytest.raises(SandboxLostError) as caught:
        running.session.call("up", [], {}, timeout=60)
    assert caught.value.exit_code == -signal.SIGKILL
    assert "SIGKILL" in caught.value.message
    assert "loaded with care" in caught.value.log
    assert caught.value.hint
    assert caught.value.started is False
    with pytest.raises(SandboxLostError) as later:
        running.sandbox.serve("any.py")
    assert later.value.exit_code == -signal.SIGKILL
    assert "loaded with care" in running.sandbox.rpc_logs()
    running.sandbox.terminate()
    assert not running.folder.exists()


def test_a_front_killed_during_a_call_is_told_at_once(
    running: Running, alive: Alive, wait_until: WaitUntil
) -> None:
    outcome = Outcome(running.session, "nap", 600.0)
    wait_until(lambda: "napping" in running.sandbox.rpc_logs())

    os.kill(running.front, signal.SIGKILL)

    error = outcome.join().error
    assert isinstance(error, SandboxLostError)
    assert error.started is True
    assert error.exit_code == -signal.SIGKILL
    assert error.log[-1].endswith("] napping")
    assert "may have run" in str(error)
    wait_until(lambda: not alive(running.worker))


def test_a_front_killed_while_an_interface_loads_is_told_at_once(
    running: Running, write: Write, wait_until: WaitUntil
) -> None:
    def kill() -> None:
        wait_until(lambda: "about to sleep" in running.sandbox.rpc_logs())
        os.kill(running.front, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()

    with pytest.raises(SandboxLostError) as caught:
        running.sandbox.serve(
            write("import time\nprint('about to sleep', flush=True)\ntime.sleep(600)\n", "slow.py")
        )
    killer.join()
    assert caught.value.exit_code == -signal.SIGKILL


def test_a_stopped_front_does_not_hold_up_calls_on_its_own_host(running: Running) -> None:
    os.kill(running.front, signal.SIGSTOP)
    try:
        assert Outcome(running.session, "up").join().value == 1
    finally:
        os.kill(running.front, signal.SIGCONT)


def test_a_stopped_front_holds_relayed_calls_up_and_loses_none(
    running: Running, wait_until: WaitUntil
) -> None:
    for door in (running.folder / "run").glob("w*.sock"):
        door.unlink()
    session = Session(running.sandbox.connection("tools"))
    outcome = Outcome(session, "nap", 1.0)
    wait_until(lambda: "napping" in running.sandbox.rpc_logs())
    os.kill(running.front, signal.SIGSTOP)
    try:
        later = Outcome(session, "up")
        time.sleep(2.0)
        assert outcome.thread.is_alive()
        assert later.thread.is_alive()
    finally:
        os.kill(running.front, signal.SIGCONT)

    assert outcome.join().value == 1.0
    assert later.join().value == 1
    session.close()


def test_a_stopped_worker_holds_calls_up_and_loses_none(running: Running) -> None:
    os.kill(running.worker, signal.SIGSTOP)
    try:
        outcome = Outcome(running.session, "up")
        time.sleep(0.5)
        assert outcome.thread.is_alive()
    finally:
        os.kill(running.worker, signal.SIGCONT)

    assert outcome.join().value == 1


def test_a_stopped_worker_does_not_hold_up_the_end(running: Running, alive: Alive) -> None:
    os.kill(running.worker, signal.SIGSTOP)
    begun = time.monotonic()

    running.sandbox.terminate()

    # Sooner than one that does not end is killed.
    assert time.monotonic() - begun < 24
    assert not alive(running.worker)


def test_a_stopped_front_does_not_hold_up_the_end_for_ever(
    running: Running, alive: Alive, wait_until: WaitUntil
) -> None:
    os.kill(running.front, signal.SIGSTOP)
    running.sandbox.terminate()

    assert not alive(running.front)
    wait_until(lambda: not alive(running.worker))
    assert not running.folder.exists()


def test_a_worker_killed_while_idle_costs_its_state_and_no_more(
    running: Running, alive: Alive, wait_until: WaitUntil
) -> None:
    assert running.session.call("up", [], {}) == 1
    os.kill(running.worker, signal.SIGKILL)
    wait_until(lambda: not alive(running.worker))

    # The call may be on its way before the front has seen the death; then it says so.
    with pytest.raises(SeerError) as caught:
        running.session.call("up", [], {})
    assert isinstance(caught.value, StateLostError) or caught.value.exit_code == -signal.SIGKILL
    assert running.session.call("up", [], {}) == 1
    assert running.processes()["worker"] != running.worker
    assert running.processes()["front"] == running.front


def test_a_dying_worker_leaves_none_of_its_children_past_the_sandbox(
    running: Running, alive: Alive
) -> None:
    offspring = on_host(running.sandbox, running.session.call("offspring", [], {}))
    os.kill(running.worker, signal.SIGKILL)
    with contextlib.suppress(SeerError):
        running.session.call("up", [], {})
    assert running.session.call("up", [], {}) in (1, 2)

    running.sandbox.terminate()

    assert [name for name, pid in offspring.items() if alive(pid)] == []


def test_serving_a_name_again_ends_the_worker_that_served_it(
    running: Running, write: Write, alive: Alive, wait_until: WaitUntil
) -> None:
    running.sandbox.serve(write(PROCESSES + "\n    # edited\n"))

    wait_until(lambda: not alive(running.worker))
    with pytest.raises(StateLostError):
        running.session.call("up", [], {})
    assert running.session.call("up", [], {}) == 1


def test_a_session_that_is_closed_leaves_the_others_alone(running: Running) -> None:
    others = [Session(running.sandbox.connection("tools")) for _ in range(20)]
    for other in others:
        other.call("up", [], {})
        other.close()

    assert running.session.call("up", [], {}) == 21


def test_a_caller_that_closes_its_session_during_a_call_is_let_go(
    running: Running, wait_until: WaitUntil
) -> None:
    other = Session(running.sandbox.connection("tools"))
    outcome = Outcome(other, "nap", 1.0)
    wait_until(lambda: "napping" in running.sandbox.rpc_logs())
    other.close()

    assert isinstance(outcome.join().error, SeerError)
    # What runs, runs on; then the next call has its turn.
    assert running.session.call("up", [], {}) == 1


def test_serving_anew_while_a_dead_worker_is_buried_leaves_nobody_waiting(
    scoped: ScopedSandbox, write: Write
) -> None:
    # Its sockets are closed and it lives on: the front waits for its end a while.
    source = """
        import os
        import time

        @expose
        def play_dead() -> None:
            os.closerange(3, 100)
            time.sleep(600)

        @expose
        def up() -> int:
            return 1
    """
    file = write(source, "dead.py")
    failures: list[BaseException] = []

    def call(session: Session) -> None:
        try:
            session.call("play_dead", [], {})
        except SeerError as error:
            failures.append(error)

    with Session(scoped.serve(file).connection) as session:
        caller = threading.Thread(target=call, args=(session,), daemon=True)
        caller.start()
        await_running(session)
        time.sleep(0.3)
        library = scoped.serve(file)
        caller.join(60)

        assert [type(failure) for failure in failures] == [WorkerDiedError]
    with Session(library.connection) as session:
        assert session.call("up", [], {}) == 1
