"""Snapshots of sandboxes, and sandboxes that start from them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import SandboxError, SnapshotError
from seer_rpc.snapshots import collect_garbage, list_snapshots, remove_snapshot
from seer_rpc.snapshots.store import blobs
from tests.sandboxes.conftest import RunInside

WRITE = """
(HOME / "notes.txt").write_text("remember")
(WORKSPACE / "data").mkdir()
(WORKSPACE / "data" / "link").symlink_to("../../root/notes.txt")
"""
READ = """
import os
result = (HOME / "notes.txt").read_text(), os.listdir(WORKSPACE / "data")
"""


@pytest.mark.on_gpus
def test_another_sandbox_starts_from_a_snapshot(backend: str, run_inside: RunInside) -> None:
    with ScopedSandbox(backend=backend).start(name="first") as sandbox:
        run_inside(sandbox, WRITE)
        snapshot = sandbox.snapshot("after training")
        run_inside(sandbox, '(HOME / "notes.txt").write_text("changed since")')
        first = sandbox.sandbox_id

    assert (snapshot.description, snapshot.sandbox_name) == ("after training", "first")
    assert (snapshot.sandbox_id, snapshot.backend) == (first, backend)
    for which in (snapshot, snapshot.id):
        with ScopedSandbox.from_snapshot(which, SandboxConfig(), name="second") as sandbox:
            assert sandbox.name == "second"
            assert sandbox.sandbox_id != first
            # It has started: this does nothing.
            assert sandbox.start() is sandbox
            assert run_inside(sandbox, READ) == ("remember", ["link"])


@pytest.mark.on_gpus
def test_terminate_saves_a_snapshot_first(backend: str, run_inside: RunInside) -> None:
    sandbox = ScopedSandbox(backend=backend).start()
    run_inside(sandbox, WRITE)

    snapshot = sandbox.terminate(save_snapshot=True, snapshot_description="final state")

    assert snapshot is not None
    assert snapshot.description == "final state"
    assert list_snapshots() == [snapshot]
    with pytest.raises(SandboxError, match="not running"):
        sandbox.terminate(save_snapshot=True)
    assert sandbox.terminate() is None
    with Sandbox.from_snapshot(snapshot) as plain:
        assert plain.snapshot().files == snapshot.files


def test_a_later_process_starts_from_a_snapshot(backend: str, run_inside: RunInside) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        run_inside(sandbox, WRITE)
        snapshot = sandbox.snapshot()
    source = """
        import sys
        from seer_rpc.environment import Sandbox
        with Sandbox.from_snapshot(sys.argv[1]) as sandbox:
            print(sandbox.snapshot("again").to_json())
    """
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), snapshot.id],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    again = json.loads(finished.stdout)
    assert (again["files"], again["size"]) == (snapshot.files, snapshot.size)
    assert again["sandbox_id"] != snapshot.sandbox_id


def test_what_the_config_names_comes_after_the_snapshot(
    backend: str, run_inside: RunInside, tmp_path: Path
) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        run_inside(sandbox, WRITE)
        snapshot = sandbox.snapshot()
    (tmp_path / "newer.txt").write_text("newer")
    config = SandboxConfig(local_files=[(str(tmp_path / "newer.txt"), "/root/notes.txt")])

    with ScopedSandbox.from_snapshot(snapshot, config) as sandbox:
        assert run_inside(sandbox, READ) == ("newer", ["link"])


def test_secrets_and_variables_are_not_in_a_snapshot(
    backend: str, run_inside: RunInside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAL_SECRET", "canary-of-the-snapshot")
    config = SandboxConfig(secrets=["TRIAL_SECRET"], env={"PLAIN": "canary-too"})
    with ScopedSandbox(config, backend=backend) as sandbox:
        found = run_inside(sandbox, 'import os\nresult = os.environ["TRIAL_SECRET"]')
        snapshot = sandbox.snapshot()
        run = sandbox._run
        assert run is not None
        needles = ["canary-of-the-snapshot", "canary-too", run.call_token, run.admin_token]

    assert found == needles[0]
    kept = b"".join(each.file.read_bytes() for each in blobs().all())
    about = json.dumps(dataclasses.asdict(snapshot)).encode()
    state = Path(os.environ["XDG_STATE_HOME"], "seer", "snapshots")
    files = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert not [needle for needle in needles if needle.encode() in kept + about + files]


def test_a_link_out_of_the_sandbox_brings_nothing_in(
    backend: str, run_inside: RunInside, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "secret").write_text("SECRET OF THE HOST")
    source = """
import os
(HOME / "folder").symlink_to(host)
(HOME / "file").symlink_to(host + "/secret")
os.mkfifo(HOME / "fifo")
"""
    with ScopedSandbox(backend=backend) as sandbox:
        run_inside(sandbox, source, host=str(tmp_path / "host"))
        snapshot = sandbox.snapshot()

    assert snapshot.skipped == ("root/fifo (a FIFO)",)
    assert all(b"SECRET OF" not in each.file.read_bytes() for each in blobs().all())
    look = 'import os\nresult = os.readlink(HOME / "file"), (HOME / "fifo").exists()'
    with ScopedSandbox.from_snapshot(snapshot) as sandbox:
        assert run_inside(sandbox, look) == (str(tmp_path / "host" / "secret"), False)


def test_a_snapshot_while_calls_run_is_whole(backend: str, tmp_path: Path) -> None:
    file = tmp_path / "writer.py"
    file.write_text(
        "from pathlib import Path\n"
        "import os\n"
        "@expose\n"
        "def write(rounds: int) -> int:\n"
        "    for number in range(rounds):\n"
        "        scratch = Path.home() / 'scratch'\n"
        "        scratch.write_text(str(number % 10) * 200_000)\n"
        "        scratch.replace(Path.home() / f'part{number % 5}')\n"
        "    return rounds\n"
        "@expose\n"
        "def contents() -> list[int]:\n"
        "    parts = sorted(Path.home().glob('part*'))\n"
        "    return [len(set(p.read_text())) * 1000 + p.stat().st_size // 1000 for p in parts]\n"
    )
    with ScopedSandbox(backend=backend) as sandbox:
        session = Session(sandbox.serve(file).connection)
        done: list[object] = []
        thread = threading.Thread(
            target=lambda: done.append(session.call("write", [3_000], {})), daemon=True
        )
        thread.start()
        time.sleep(0.1)
        snapshots = []
        while thread.is_alive():
            snapshots.append(sandbox.snapshot())
        thread.join()
        session.close()

    assert done == [3_000]
    assert snapshots
    for snapshot in snapshots[:3]:
        with (
            ScopedSandbox.from_snapshot(snapshot) as sandbox,
            Session(sandbox.serve(file).connection) as session,
        ):
            assert set(session.call("contents", [], {})) <= {1200}


def test_a_snapshot_while_the_sandbox_ends_is_whole_or_an_error(
    backend: str, run_inside: RunInside
) -> None:
    sandbox = ScopedSandbox(backend=backend).start()
    run_inside(sandbox, "for n in range(500): (HOME / str(n)).write_text(str(n) * 100)")
    errors: list[Exception] = []

    def snap() -> None:
        try:
            while True:
                sandbox.snapshot()
        except Exception as error:
            errors.append(error)

    whole = sandbox.snapshot()
    thread = threading.Thread(target=snap)
    thread.start()
    time.sleep(0.3)
    sandbox.terminate()
    thread.join(60)

    assert [isinstance(error, SandboxError) for error in errors] == [True]
    assert {snapshot.files for snapshot in list_snapshots()} == {whole.files}


def test_a_damaged_or_missing_snapshot_starts_nothing(backend: str, run_inside: RunInside) -> None:
    with ScopedSandbox(backend=backend) as sandbox:
        run_inside(sandbox, '(HOME / "precious").write_text("content")')
        snapshot = sandbox.snapshot()
    kept = next(each for each in blobs().all() if each.file.read_bytes() == b"content")
    kept.file.chmod(0o600)
    kept.file.write_bytes(b"c0ntent")

    with pytest.raises(SnapshotError, match="/root/precious is damaged"):
        Sandbox.from_snapshot(snapshot)
    remove_snapshot(snapshot)
    with pytest.raises(SnapshotError, match="no snapshot"):
        Sandbox.from_snapshot(snapshot.id)
    with pytest.raises(SnapshotError):
        Sandbox.from_snapshot(snapshot)
    sandboxes = Path(os.environ["XDG_STATE_HOME"], "seer", "sandboxes")
    assert list(sandboxes.iterdir()) == []
    assert collect_garbage() is not None


def test_a_sandbox_that_does_not_run_has_no_snapshot(backend: str) -> None:
    with pytest.raises(SandboxError, match="not running"):
        Sandbox(backend=backend).snapshot()
