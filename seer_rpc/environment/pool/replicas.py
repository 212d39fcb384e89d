"""The sandboxes of a pool: which of them can work, and how much each has to do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from seer_rpc.client.remote import RemoteInterface
from seer_rpc.client.session import Session
from seer_rpc.environment.base import forked
from seer_rpc.environment.scoped import ScopedSandbox
from seer_rpc.errors import SandboxLostError, SeerError
from seer_rpc.waiting import wait_until

_LAST_WORDS = 5.0
"""Seconds in which everybody hears what became of the calls of a sandbox that is gone."""


class Replica:
    """One sandbox of a pool, and the sessions with what it serves."""

    def __init__(self, sandbox: ScopedSandbox, name: str) -> None:
        """Take a sandbox that is planned."""
        self.sandbox = sandbox
        self.name = name
        self.load = 0
        """Calls that it was given and that have no outcome yet."""

        self._opening = threading.Lock()
        self._sessions: dict[RemoteInterface, Session] = {}

    def session(self, remote: RemoteInterface) -> Session:
        """Give the session with an interface; another one where that is over.

        Raises:
            SessionError: there is no way to the interface, or none to the sandbox.
            InterfaceError: the interface failed to load again.
        """
        with self._opening:
            session = self._sessions.get(remote)
            if session is None or session.lost is not None:
                session = remote.session(self.sandbox.connection(remote.name))
                self._sessions[remote] = session
            return session

    def end(self, grace: float = 0.0) -> None:
        """End the sandbox. Whoever waits for a call hears what became of it.

        Raises:
            SandboxError: its backend does not say that it has ended it.
        """
        if self.sandbox.lost is not None:
            # What its worker had begun is known as long as its files are there.
            self._close()
            wait_until(lambda: not self.load, _LAST_WORDS)
        try:
            self.sandbox.terminate(grace=grace)
        finally:
            # Not before: a call that has not begun would be free to begin.
            self._close()

    def _close(self) -> None:
        with self._opening:
            for session in self._sessions.values():
                session.close()


class Replicas:
    """Those of a pool that work, and those that may still come."""

    def __init__(self, size: int) -> None:
        """Begin with none of `size`."""
        self.size = size
        self.process = os.getpid()
        """The process that owns them: a fork of it does not."""

        # A `map` that is dropped is ended by whatever runs at that moment.
        self.lock = threading.RLock()
        """Guards what is known of replicas and of all work for them."""

        self.working: list[Replica] = []
        self.coming = 0
        """Replacements that are being started."""

        self.problem: SeerError | None = None
        """Why the last one is gone, or did not start."""

        self.is_over = False
        self._listeners: list[Callable[[], None]] = []

    @property
    def end(self) -> SandboxLostError | None:
        """Give the error of work that no replica will do; None as long as one may."""
        if self.is_over:
            return SandboxLostError("the pool was ended", hint="start another one")
        if self.working or self.coming:
            return None
        error = SandboxLostError(
            "no sandbox of the pool is left, and none can be started",
            hint="see what the last one died of; SandboxPool(replacements=...) allows for more",
        )
        error.__cause__ = self.problem
        return error

    def check_process(self) -> None:
        """See to it that this is the process that owns them.

        Raises:
            SandboxError: it is a fork of that.
        """
        if self.process != os.getpid():
            raise forked("sandboxes")

    def when_changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Tell `listener` of each change; gives what stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def join(self, *replicas: Replica) -> bool:
        """Have them work; tells whether there is still something to do."""
        with self.lock:
            if self.is_over:
                return False
            self.working.extend(replicas)
            self.tell()
            return True

    def retire(self, replica: Replica, problem: SeerError) -> bool:
        """Give it no more work; tells whether it had been given any up to now."""
        with self.lock:
            if self.is_over or replica not in self.working:
                return False
            self.working.remove(replica)
            self.problem = problem
            return True

    def close(self) -> list[Replica]:
        """Give no more work to any of them; gives those that worked."""
        with self.lock:
            self.is_over = True
            working, self.working = self.working, []
            self.tell()
            return working

    def tell(self) -> None:
        """Have everybody look at what there is now."""
        for listener in list(self._listeners):
            listener()
