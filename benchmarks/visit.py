"""One measurement of one contender, in a process that does nothing else.

Run as `python -m benchmarks.visit MEASUREMENT CONTENDER EFFORT FILE`; writes JSON into the file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measurement, NotMeasuredError

_LIMIT = 300.0


@dataclass(frozen=True)
class Visit:
    """What came of it: figures, or a reason why there are none."""

    figures: dict[str, float] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    reason: str | None = None


def visit(measurement: str, contender: str, effort: Effort) -> Visit:
    """Measure in a fresh process; whatever happens there is a reason."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file, log = Path(folder, "visit.json"), Path(folder, "log")
        work = json.dumps(dataclasses.asdict(effort))
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, measurement, contender, work, str(file)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            code = process.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            return Visit(reason=f"took more than {_LIMIT:.0f} s")
        finally:
            _end_group(process)
        if file.exists():
            return Visit(**json.loads(file.read_text()))
        return Visit(reason=f"ended with status {code}: {_last_line(log)}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and the servers that it left, if any."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _measure(measurement: str, contender: str, effort: Effort) -> Visit:
    module, _, function = measurement.partition(".")
    measure: Measurement = getattr(
        importlib.import_module(f"benchmarks.measurements.{module}"), function
    )
    try:
        measured = measure(contender, effort)
    except NotMeasuredError as error:
        return Visit(reason=str(error))
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is what the report tells
        return Visit(reason=_first_line(f"{type(error).__name__}: {error}"))
    return Visit(measured.figures, measured.remarks)


def _first_line(text: str) -> str:
    return text.splitlines()[0]


def _main(measurement: str, contender: str, effort: str, file: str) -> None:
    result = _measure(measurement, contender, Effort(**json.loads(effort)))
    Path(file).write_text(json.dumps(dataclasses.asdict(result)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
