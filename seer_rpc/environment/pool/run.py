"""The sandboxes of a pool from its start to its end: how they begin, are replaced and end."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from seer_rpc.client.cancellation import CURRENT, Cancellation
from seer_rpc.client.connection import Connection
from seer_rpc.environment.pool.library import PooledLibrary
from seer_rpc.environment.pool.replicas import Replica, Replicas
from seer_rpc.environment.pool.sources import KeptSources
from seer_rpc.environment.pool.together import (
    check_given_up,
    finish_together,
    together,
    together_until,
)
from seer_rpc.environment.scoped import ScopedSandbox
from seer_rpc.errors import (
    CallCancelledError,
    InterfaceError,
    InterfacePendingError,
    SandboxError,
    SandboxLostError,
    SandboxStartError,
    SeerError,
)
from seer_rpc.progress import Status, note, parts_of, status
from seer_rpc.workspace import Workspace
from seer_runtime.wire.differences import differences
from seer_runtime.wire.exits import UNUSED
from seer_runtime.wire.outline import outline
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

_STARTS = threading.BoundedSemaphore(4)
"""Sandboxes of pools that this process starts at a time: more at once is unkind."""

_LOOK = 0.2
_PAUSE = 1.0
"""Seconds after which a replacement that did not start is tried once more."""


class PoolRun:
    """What there is from a start to the end."""

    def __init__(
        self,
        name: str,
        size: int,
        plan: Callable[[], ScopedSandbox],
        workspace: Workspace,
        replacements: int,
    ) -> None:
        """Have so many sandboxes as `plan` gives; replace at most so many."""
        self.replicas = Replicas(size)
        self._name = name
        self._plan = plan
        self._workspace = workspace
        self._replacements = replacements
        self._all: list[Replica] = []
        """Those that have to be ended."""

        self._count = 0
        self._sources = KeptSources()
        self._serving = threading.Lock()
        self._served: dict[str, tuple[Path, InterfaceSchema]] = {}
        self._ending = threading.Event()
        self._given_up = Cancellation()
        self._chores: list[threading.Thread] = []
        self._has_warned = False

    @property
    def sandboxes(self) -> list[ScopedSandbox]:
        """Those that work."""
        return [each.sandbox for each in self.replicas.working]

    def start(self) -> None:
        """Start all of them. Raises what a start raises; `terminate` ends those that run then."""
        size = self.replicas.size
        replicas = [self._planned() for _ in range(size)]
        starts = [partial(self._start, each) for each in replicas]
        with status(f"starting the {size} sandboxes of {self._name}") as shown, parts_of(shown):
            self._do_all(starts)
        if not self.replicas.join(*replicas):
            raise _ended()
        self._chore(self._watch)

    def give_up(self) -> None:
        """Begin the end: whoever starts or serves something stops."""
        if self.replicas.process == os.getpid():
            self._given_up.cancel()

    def serve(self, path: Path, name: str) -> PooledLibrary:
        """Serve a file in all of them.

        Raises:
            InterfaceError: it cannot be served, or is not the same in all of them.
            SandboxLostError: no sandbox is left.
        """
        # Whoever joins meanwhile serves it, too.
        with _turn(self._serving):
            copy = self._sources.keep(path)
            loads = [partial(self._load, each, copy, name) for each in self.replicas.working]
            with status(f"loading {name} in {len(loads)} sandboxes") as shown, parts_of(shown):
                schema = _common([each for each in together(loads) if each is not None])
            if schema is None:
                raise self._none_left()
            for warning in schema.warnings:
                note(f"{name}: {warning}")
            self._served[name] = (copy, schema)
        return PooledLibrary(schema, self.replicas, partial(self._connection, name), self.retire)

    def retire(self, replica: Replica, problem: SeerError) -> None:
        """Do without a sandbox from now on, and have another one in its place."""
        problem = replica.sandbox.lost or problem
        with self.replicas.lock:
            if not self.replicas.retire(replica, problem):
                return
            self._chore(partial(self._clear, replica))
            # What nobody needed for so long is not needed again.
            if UNUSED not in problem.message and self._may_replace():
                self.replicas.coming += 1
                self._chore(self._replace)
            self.replicas.tell()
        note(f"{replica.name} works no more: {problem.message}")

    def terminate(self, grace: float = 0.0) -> list[SeerError]:
        """End all of them, in the process that owns them; gives what is in the way of that."""
        if self.replicas.process != os.getpid():
            return []
        self._ending.set()
        self._given_up.cancel()
        self.replicas.close()
        for chore in self._chores:
            chore.join()
        with status(f"stopping the sandboxes of {self._name}") as shown, parts_of(shown):
            ends = finish_together([partial(_end, each, grace) for each in self._all])
        problems = {each: end for each, end in zip(self._all, ends, strict=True) if end}
        # Whoever asks again asks for the rest.
        self._all = list(problems)
        self._sources.remove()
        return list(problems.values())

    def check(self) -> None:
        """See to it that it goes on.

        Raises:
            SandboxError: it was ended, and some of its sandboxes have not ended.
        """
        if self.replicas.is_over:
            left = ", ".join(each.name for each in self._all)
            raise SandboxError(f"{left} may still run", hint="terminate() tries again to end that")

    def _do_all(self, starts: Sequence[Callable[[], None]]) -> None:
        try:
            together_until(self._given_up, starts)
        except CallCancelledError:
            if self._given_up.is_cancelled:
                raise _ended() from None
            raise

    def _planned(self) -> Replica:
        with self.replicas.lock:
            replica = Replica(self._plan(), f"{self._name}-{self._count}")
            self._count += 1
            self._all.append(replica)
            return replica

    def _start(self, replica: Replica) -> None:
        with _turn(_STARTS):
            replica.sandbox.start(self._workspace, replica.name)
        try:
            check_given_up()
        except BaseException:
            # Whoever gave it up may not have waited.
            replica.sandbox.terminate()
            raise

    def _load(self, replica: Replica, copy: Path, name: str) -> InterfaceSchema | None:
        """Serve a file in one of them; None where that is gone."""
        try:
            return replica.sandbox.serve(copy, name=name).schema
        except SandboxLostError as error:
            self.retire(replica, error)
            return None
        except InterfacePendingError as error:
            error.hint = (
                "name the module in SandboxConfig(local_files=...), or start(workspace=...)"
            )
            raise

    def _connection(self, name: str) -> Connection:
        for replica in self.replicas.working:
            with contextlib.suppress(SandboxLostError):
                return replica.sandbox.connection(name)
        raise self._none_left()

    def _none_left(self) -> SandboxLostError:
        return self.replicas.end or SandboxLostError(
            "no sandbox of the pool runs now", hint="another one is being started: try again soon"
        )

    def _watch(self) -> None:
        while not self._ending.wait(_LOOK):
            for replica in list(self.replicas.working):
                lost = replica.sandbox.lost
                if lost is not None:
                    self.retire(replica, lost)

    def _clear(self, replica: Replica) -> None:
        """End what is of no more use, once the calls that it has begun are over."""
        while replica.load and replica.sandbox.lost is None:
            if self._ending.wait(_LOOK):
                return
        self._discard(replica)

    def _discard(self, replica: Replica) -> None:
        problem = _end(replica)
        if problem is not None:
            note(problem.message)
        with self.replicas.lock:
            self._all.remove(replica)

    def _replace(self) -> None:
        CURRENT.set(self._given_up)
        try:
            while not self._start_another():
                if self._ending.wait(_PAUSE) or not self._may_replace():
                    break
        finally:
            with self.replicas.lock:
                self.replicas.coming -= 1
                self.replicas.tell()

    def _start_another(self) -> bool:
        """Start a sandbox that does what the others do; tells whether it does."""
        replica = self._planned()
        try:
            with parts_of(Status(replica.name)):
                self._start(replica)
                with _turn(self._serving):
                    for name, (copy, schema) in self._served.items():
                        _common([schema, replica.sandbox.serve(copy, name=name).schema])
                    if self.replicas.join(replica):
                        return True
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no sandbox
            self._warn(error)
        self._discard(replica)
        return False

    def _warn(self, error: Exception) -> None:
        if self._ending.is_set():
            return
        if isinstance(error, SeerError):
            self.replicas.problem = error
        if not self._has_warned:
            self._has_warned = True
            note(f"no sandbox of {self._name} could be started in place of another one: {error}")

    def _may_replace(self) -> bool:
        """Tell whether one more may be started; it counts."""
        with self.replicas.lock:
            self._replacements -= 1
            return self._replacements >= 0

    def _chore(self, task: Callable[[], None]) -> None:
        """Do something in the background, which the end of the pool waits for."""
        thread = threading.Thread(target=task, name="seer-pool", daemon=True)
        self._chores = [each for each in self._chores if each.is_alive()]
        self._chores.append(thread)
        thread.start()


@contextlib.contextmanager
def _turn(lock: threading.Lock | threading.Semaphore) -> Iterator[None]:
    """Have a lock in the block, unless the waiting for it is given up."""
    while not lock.acquire(timeout=_LOOK):
        check_given_up()
    try:
        check_given_up()
        yield
    finally:
        lock.release()


def _ended() -> SandboxStartError:
    return SandboxStartError("the pool was ended while it started")


def _end(replica: Replica, grace: float = 0.0) -> SeerError | None:
    try:
        replica.end(grace)
    except SeerError as error:
        return error
    return None


def _common(schemas: Sequence[InterfaceSchema]) -> InterfaceSchema | None:
    """Give the schema that all of them are; None where there are none.

    Raises:
        InterfaceError: they differ.
    """
    for other in schemas[1:]:
        if other.hash != schemas[0].hash:
            changes = differences(outline(schemas[0]), outline(other))
            raise InterfaceError(
                "\n".join([f"{other.name} is not the same in all sandboxes:", *changes]),
                hint="what it exposes must not depend on where it is loaded",
            )
    return schemas[0] if schemas else None
