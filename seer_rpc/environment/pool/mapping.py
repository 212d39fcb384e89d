"""Many calls of one function, spread over the sandboxes of a pool."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from seer_rpc.client.groups import CallGroup
from seer_rpc.client.session import Session
from seer_rpc.environment.pool.outcomes import Outcome
from seer_rpc.environment.pool.replicas import Replica, Replicas
from seer_rpc.environment.pool.task import Task
from seer_rpc.errors import (
    AuthenticationError,
    InterfaceError,
    InterfaceGoneError,
    SandboxLostError,
    SchemaChangedError,
    SeerError,
    SessionError,
    StateLostError,
    WorkerDiedError,
)

T = TypeVar("T")
R = TypeVar("R")

Retire: TypeAlias = Callable[[Replica, SeerError], object]

_AHEAD = 2
"""Items that are taken for each call that can be on its way."""

_ATTEMPTS = 3
"""Times that an item is called that may have run, where it may run twice."""

_TRIES = 16
"""Times that one is called that has not run: whatever keeps it from that is to have an end."""

_UNFIT = (
    SandboxLostError,
    InterfaceError,
    InterfaceGoneError,
    SchemaChangedError,
    AuthenticationError,
)
"""What shows that a sandbox is of no more use for calls, whatever they are of."""

_UNANSWERED = (SessionError, InterfaceError, WorkerDiedError, StateLostError)
"""What says nothing of the item itself."""


@dataclass(eq=False)
class _Job(Generic[T, R]):
    index: int
    item: T
    calls: CallGroup = field(default_factory=CallGroup)
    replica: Replica | None = None
    attempts: int = 0
    outcome: Outcome[T, R] | None = None


class Mapping(Generic[T, R]):
    """Works on items as they are submitted; each goes to the sandbox that has the least to do."""

    def __init__(
        self, replicas: Replicas, task: Task, at_once: int, in_order: bool, retire: Retire
    ) -> None:
        """Have as many calls on their way to each of the replicas; say which are of no use."""
        self._replicas = replicas
        self._task = task
        self._at_once = at_once
        self._in_order = in_order
        self._retire = retire
        self._room = _AHEAD * at_once * replicas.size
        self._count = 0
        self._jobs: dict[int, _Job[T, R]] = {}
        """Those whose outcome nobody has taken."""

        self._queue: deque[_Job[T, R]] = deque()
        self._done: deque[_Job[T, R]] = deque()
        self._loads: dict[Replica, int] = {}
        self._handed: queue.SimpleQueue[_Job[T, R] | None] = queue.SimpleQueue()
        self._threads = self._running = 0
        self._arrival: Future[None] | None = None
        self._is_over = False
        self._listen_no_more = replicas.when_changed(self._assign)

    @property
    def has_room(self) -> bool:
        """Whether one more item may be taken."""
        return len(self._jobs) < self._room and not self._is_over

    @property
    def is_idle(self) -> bool:
        """Whether there is no outcome to wait for."""
        return self._is_over or not self._jobs

    def submit(self, item: T) -> None:
        """Work on one more item."""
        with self._replicas.lock:
            job: _Job[T, R] = _Job(self._count, item)
            self._count += 1
            self._jobs[job.index] = job
            self._queue.append(job)
            self._assign()

    def take(self) -> Outcome[T, R] | None:
        """Give the next outcome; None where it is not there yet."""
        with self._replicas.lock:
            job = self._next()
            if job is None:
                return None
            if not self._in_order:
                self._done.popleft()
            del self._jobs[job.index]
            return job.outcome

    def arrival(self) -> Future[None]:
        """Give what is done when `take` may give something."""
        arrival: Future[None] = Future()
        with self._replicas.lock:
            if self._next() is not None or self._is_over:
                arrival.set_result(None)
            else:
                self._arrival = arrival
        return arrival

    def end(self) -> None:
        """Give up all calls; nobody waits for their end."""
        if self._replicas.process != os.getpid():
            return
        with self._replicas.lock:
            if self._is_over:
                return
            self._is_over = True
            self._listen_no_more()
            self._wake()
        for job in list(self._jobs.values()):
            job.calls.give_up()
        for _ in range(self._threads):
            self._handed.put(None)

    def _next(self) -> _Job[T, R] | None:
        """Give the one whose outcome comes next, where it is there."""
        if self._is_over:
            return None
        if not self._in_order:
            return self._done[0] if self._done else None
        first = next(iter(self._jobs.values()), None)
        return first if first is not None and first.outcome is not None else None

    def _assign(self) -> None:
        """Hand out what can be done now; where nothing ever can, say so."""
        while self._queue and not self._is_over:
            end = self._replicas.end
            replica = self._freest(self._queue[0]) if end is None else None
            if end is not None:
                self._settle(self._queue.popleft(), None, end)
            elif replica is not None:
                self._hand(self._queue.popleft(), replica)
            else:
                return

    def _freest(self, job: _Job[T, R]) -> Replica | None:
        """Give the replica that has the least to do; none where all have enough.

        The one that did not get a job done gets it again where there is no other.
        """
        free = [each for each in self._replicas.working if self._loads.get(each, 0) < self._at_once]
        return min(free, key=lambda each: (each is job.replica, each.load), default=None)

    def _hand(self, job: _Job[T, R], replica: Replica) -> None:
        job.replica = replica
        replica.load += 1
        self._loads[replica] = self._loads.get(replica, 0) + 1
        self._running += 1
        if self._running > self._threads:
            # Not an executor's: a program that gives up would wait for them at its end.
            self._threads += 1
            threading.Thread(target=self._work, name="seer-map", daemon=True).start()
        self._handed.put(job)

    def _work(self) -> None:
        while (job := self._handed.get()) is not None:
            self._do(job)
            # What is not done any more must not keep what it was done with.
            del job

    def _do(self, job: _Job[T, R]) -> None:
        assert job.replica is not None
        value, error = self._attempt(job, job.replica)
        with self._replicas.lock:
            self._running -= 1
            self._release(job.replica)
            if error is not None and self._may_repeat(job, error):
                self._queue.appendleft(job)
            else:
                self._settle(job, value, error)
            self._assign()

    def _attempt(self, job: _Job[T, R], replica: Replica) -> tuple[Any, BaseException | None]:
        """Call the function; gives its value or what there is in place of one."""
        session: Session | None = None
        job.calls.enter()
        try:
            if self._is_over:
                return None, None
            session = replica.session(self._task.remote)
            job.attempts += 1
            return self._task.call(session, job.item), None
        except BaseException as failure:  # noqa: BLE001 - whoever takes the outcome gets it
            error = self._explained(replica, failure)
            is_unfit = isinstance(error, _UNFIT if session is not None else SeerError)
            if is_unfit and isinstance(error, SeerError) and not self._is_over:
                self._retire(replica, error)
            return None, error

    def _explained(self, replica: Replica, error: BaseException) -> BaseException:
        """Give the reason in place of an error that only follows from it."""
        if not isinstance(error, SessionError):
            return error
        reason = self._replicas.end if self._replicas.is_over else None
        if type(error) is SessionError:
            # A session was closed: here, where its sandbox is gone.
            reason = reason or replica.sandbox.lost
        if reason is None:
            return error
        explained = type(reason)(
            f"{reason.message}; this call may have run" if error.started else reason.message,
            hint=reason.hint,
            log=reason.log,
            exit_code=reason.exit_code,
            started=error.started,
            call_id=error.call_id,
        )
        explained.__cause__ = error
        return explained

    def _may_repeat(self, job: _Job[T, R], error: BaseException) -> bool:
        if self._is_over or self._replicas.is_over or not isinstance(error, _UNANSWERED):
            return False
        if not error.started:
            return job.attempts < _TRIES
        return self._task.is_repeatable and job.attempts < _ATTEMPTS

    def _release(self, replica: Replica) -> None:
        replica.load -= 1
        self._loads[replica] -= 1
        if not self._loads[replica]:
            del self._loads[replica]

    def _settle(self, job: _Job[T, R], value: Any, error: BaseException | None) -> None:
        name = job.replica.name if job.replica is not None else ""
        job.outcome = Outcome(job.index, job.item, value, error, name, job.attempts)
        if not self._in_order:
            self._done.append(job)
        if self._next() is not None:
            self._wake()

    def _wake(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None and arrival.set_running_or_notify_cancel():
            arrival.set_result(None)
