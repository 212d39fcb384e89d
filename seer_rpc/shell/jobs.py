"""Jobs: calls that go on when the command that made them is over."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Hashable
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seer_rpc.client import Connection, Session
from seer_rpc.errors import SeerError, SessionError
from seer_rpc.files import write_whole
from seer_rpc.locations import jobs_folder
from seer_rpc.presentation import Exit
from seer_rpc.shell.output import Printed, UsageError, failed, result, to_text
from seer_runtime.wire.pb.interface_pb2 import Function
from seer_runtime.wire.plain import JsonArguments

_LEASE = 24 * 3600.0
"""Seconds that a job's result is kept for whoever asks for it."""

_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True)
class Jobs:
    """The jobs of one interface: each has a session of its own, named after it."""

    connection: Connection
    schema_hash: str
    program: str
    """What messages begin with."""

    command: str
    """What to put in front of `job ID`."""

    def start(self, function: Function, arguments: str, timeout: float | None) -> Printed:
        """Make a call, and give the job's id.

        Raises:
            UsageError: the function gives a stream, which somebody has to take as it comes.
            SeerError: the call cannot be made.
        """
        if function.is_stream:
            raise UsageError(f"{function.name} gives a stream: call it without --async")
        job = secrets.token_hex(4)
        session = self._session(job, Progress())
        session.start(function.name, [JsonArguments(arguments)], {}, timeout)
        session.leave()
        ask = f"{self.command} job {job}"
        return Printed(to_text({"job": job, "state": "running", "ask": ask}))

    def look(self, job: str, wait: float, output: Path | None, *, cancel: bool = False) -> Printed:
        """Give a job's result, if it comes within `wait` seconds; else how far the job is.

        With `cancel` it is ended, and what became of it is given.

        Raises:
            SeerError: what a session raises.
        """
        record = _record(job)
        if record is not None and output is not None:
            raise UsageError(f"job {job} is over, and its result was given; ask without --output")
        if record is not None:
            return record
        progress = Progress()
        session = self._session(job, progress)
        if not session.pending:
            session.close()
            return self._missing(job)
        number, function = next(iter(session.pending.items()))
        if cancel:
            session.cancel(number)
        outcome = _collect(session, number)
        if not futures.wait([outcome], wait).done:
            session.leave()
            told = {"job": job, "state": "running", "function": function, **progress.told}
            return Printed(to_text(told), status=Exit.RUNNING)
        try:
            printed = result(outcome.result(), output)
        except SessionError:
            # The job is as it was, for the next one who asks.
            raise
        except SeerError as error:
            printed = failed(error, self.program)
        _keep(job, printed)
        session.close()
        return printed

    def _session(self, job: str, progress: Progress) -> Session:
        if not _ID.fullmatch(job):
            raise UsageError(f"{job!r} is no job's id")
        return Session(
            self.connection,
            self.schema_hash,
            name=f"job {job}",
            lease=_LEASE,
            on_progress=progress.hear,
        )

    def _missing(self, job: str) -> Printed:
        message = f"there is no job {job} here; results are kept for {_LEASE / 3600:.0f} hours"
        return Printed("", f"{self.program}: {message}\n", Exit.NO_JOB)


@dataclass
class Progress:
    """How far a job is, as it last said."""

    told: dict[str, Any] = field(default_factory=dict)

    def hear(
        self, call: Hashable, function: str, done: float | None, total: float | None, message: str
    ) -> None:
        """Take what it says."""
        if done is not None:
            self.told = {"progress": {"done": done, "total": total, "message": message}}


def _collect(session: Session, number: int) -> Future[Any]:
    """Wait for a job's end on another thread: to stop waiting here must not end the job."""
    outcome: Future[Any] = Future()

    def wait() -> None:
        try:
            outcome.set_result(session.collect(number))
        except SeerError as error:
            outcome.set_exception(error)

    threading.Thread(target=wait, name="seer-job", daemon=True).start()
    return outcome


def _record(job: str) -> Printed | None:
    """Give what a job printed when it was over; None where nobody has seen that."""
    file = jobs_folder() / f"{job}.json"
    return Printed(*json.loads(file.read_text())) if _ID.fullmatch(job) and file.exists() else None


def _keep(job: str, printed: Printed) -> None:
    jobs_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(jobs_folder() / f"{job}.json", json.dumps(printed).encode())
