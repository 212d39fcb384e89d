"""`progress()` in an interface reaches whoever waits for the call."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
from collections.abc import Hashable
from pathlib import Path

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox

SOURCE = """
import time
from collections.abc import Iterator


@expose
def work(steps: int) -> int:
    for step in range(steps):
        progress(step + 1, steps, f"step {step + 1}")
        time.sleep(0.06)
    return steps


@expose
def stream(steps: int) -> Iterator[int]:
    for step in range(steps):
        progress(step)
        yield step
        time.sleep(0.06)


@expose
def quick(steps: int) -> None:
    for step in range(steps):
        progress(step + 1, steps)


progress(1, 2, "while loading, nobody waits")
"""


def interface(folder: Path) -> Path:
    file = folder / "working.py"
    file.write_text(SOURCE)
    return file


def test_reports_arrive_in_order_and_end_with_the_call(
    shared: ScopedSandbox, tmp_path: Path
) -> None:
    heard: list[tuple[str, float | None, float | None, str]] = []

    def hear(
        call: Hashable, name: str, done: float | None, total: float | None, message: str
    ) -> None:
        heard.append((name, done, total, message))

    connection = shared.serve(interface(tmp_path)).connection
    with Session(connection, on_progress=hear) as session:
        assert session.call("work", [4], {}) == 4
        assert heard == [
            *(("work", float(n), 4.0, f"step {n}") for n in (1, 2, 3, 4)),
            ("work", None, None, ""),
        ]

        heard.clear()
        assert list(session.call("stream", [3], {})) == [0, 1, 2]
        assert heard == [
            *(("stream", float(n), None, "") for n in (0, 1, 2)),
            ("stream", None, None, ""),
        ]

        heard.clear()
        session.call("quick", [100_000], {})
        # Far fewer than there were, and the last one among them.
        assert len(heard) < 1000
        assert heard[-2:] == [("quick", 100_000.0, 100_000.0, ""), ("quick", None, None, "")]


def test_a_terminal_shows_a_bar_and_standard_output_stays_clean(
    shared: ScopedSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "connection.json"
    file.touch(0o600)
    file.write_text(shared.serve(interface(tmp_path)).connection.to_json())
    script = f"""
        from pathlib import Path
        from seer_rpc.client import Connection, Session

        with Session(Connection.read(Path({str(file)!r}))) as session:
            print(session.call("work", [10], {{}}))
    """
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0) as terminal:
        finished = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(theirs)
        out, _ = finished.communicate(timeout=60)
        shown = terminal.read(1 << 16).decode()

    assert out == b"10\n"
    assert "work step" in shown
    assert "%" in shown
