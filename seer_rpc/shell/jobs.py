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
from seer_rpc.errors import SeerError, SessionError, SessionOverError
from seer_rpc.files import write_whole
from seer_rpc.locations import jobs_folder, results_folder
from seer_rpc.presentation import RUNNING, Exit, Progress, job_so_far, last_items, present
from seer_rpc.shell.output import Printed, UsageError, failed, gather, keep_items, result, to_text
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
            SeerError: the call cannot be made.
        """
        job = secrets.token_hex(4)
        session = self._session(job, _SoFar())
        session.start(function.name, [JsonArguments(arguments)], {}, timeout)
        session.leave()
        ask = f"{self.command} job {job}"
        return Printed(to_text({"job_id": job, "status": RUNNING, "ask": ask}))

    def look(self, job: str, wait: float, output: Path | None, *, cancel: bool = False) -> Printed:
        """Give a job's result, if it comes within `wait` seconds; else how far the job is.

        With `cancel` it is ended, and what became of it is given. Whatever goes wrong here leaves
        the job as it is, for the next one who asks.

        Raises:
            SeerError: what a session raises.
            OSError: the result cannot be written.
        """
        record = _record(job)
        if record is not None and output is not None:
            raise UsageError(f"job {job} is over, and its result was given; ask without --output")
        if record is not None:
            return record
        so_far = _SoFar()
        session = self._session(job, so_far)
        if not session.pending:
            session.close()
            # Another one may have heard of its end since.
            return _record(job) or self._missing(job)
        number, function = next(iter(session.pending.items()))
        try:
            if cancel:
                session.cancel(number)
            outcome = _collect(session, number, so_far)
            if not _is_over(outcome, wait):
                session.leave()
                return so_far.printed(job, function)
            printed = self._ended(outcome, so_far.items, output)
            _keep(job, printed)
        except BaseException:
            session.leave()
            raise
        session.close()
        return printed

    def _ended(self, outcome: Future[Any], items: list[Any], output: Path | None) -> Printed:
        try:
            return result(outcome.result(), output)
        except SeerError as error:
            keep_items(items, error)
            if isinstance(error, SessionError):
                # It says nothing of the job.
                raise
            return failed(error, self.program)

    def _session(self, job: str, so_far: _SoFar) -> Session:
        if not _ID.fullmatch(job):
            raise UsageError(f"{job!r} is no job's id")
        return Session(
            self.connection,
            self.schema_hash,
            name=f"job {job}",
            lease=_LEASE,
            on_progress=so_far.hear,
        )

    def _missing(self, job: str) -> Printed:
        message = f"there is no job {job} here; results are kept for {_LEASE / 3600:.0f} hours"
        return Printed("", f"{self.program}: {message}\n", Exit.NO_JOB)


@dataclass
class _SoFar:
    """What is known of a job that runs."""

    progress: Progress | None = None
    items: list[Any] = field(default_factory=list)
    """What its stream gave."""

    def hear(
        self, call: Hashable, function: str, done: float | None, total: float | None, message: str
    ) -> None:
        """Take what it says of its progress."""
        self.progress = Progress.of(done, total, message) or self.progress

    def printed(self, job: str, function: str) -> Printed:
        """Give what is printed of it."""
        told = {"function": function, **job_so_far(job, self.progress, self.items)}
        if self.items:
            told["last_items"] = present(list(last_items(self.items)), results_folder())
        return Printed(to_text(told), status=Exit.RUNNING)


def _collect(session: Session, number: int, so_far: _SoFar) -> Future[Any]:
    """Wait for a job's end on another thread: to stop waiting here must not end the job."""
    outcome: Future[Any] = Future()

    def wait() -> None:
        try:
            outcome.set_result(gather(session.collect(number, keep=True), so_far.items))
        except BaseException as error:  # noqa: BLE001 - whoever waits is to hear of all
            outcome.set_exception(error)

    threading.Thread(target=wait, name="seer-job", daemon=True).start()
    return outcome


def _is_over(outcome: Future[Any], wait: float) -> bool:
    """Tell whether a job is over within `wait` seconds; whoever asks later hears it alone."""
    done = futures.wait([outcome], wait).done
    return bool(done) and not isinstance(outcome.exception(), SessionOverError)


def _record(job: str) -> Printed | None:
    """Give what a job printed when it was over; None where nobody has seen that."""
    if not _ID.fullmatch(job):
        return None
    try:
        return Printed(*json.loads((jobs_folder() / f"{job}.json").read_text()))
    except FileNotFoundError:
        return None


def _keep(job: str, printed: Printed) -> None:
    jobs_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(jobs_folder() / f"{job}.json", json.dumps(printed).encode())
