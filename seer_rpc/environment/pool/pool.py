"""Several sandboxes that serve the same."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from seer_rpc.environment.base import not_started
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.pool.library import PooledLibrary
from seer_rpc.environment.pool.run import PoolRun
from seer_rpc.environment.scoped import ScopedSandbox
from seer_rpc.errors import ConfigError, SeerError
from seer_rpc.workspace import Workspace


class SandboxPool:
    """Several sandboxes of one config that serve the same interfaces.

    with SandboxPool(SandboxConfig(gpu="H100"), size=4) as pool:
        tools = pool.serve("interface.py", name="tools")
        for outcome in tools.map("score", texts):
            print(outcome.item, outcome.result())

    One that ends by itself is replaced in the background by another one.
    """

    def __init__(
        self,
        config: SandboxConfig | None = None,
        *,
        size: int,
        backend: str | None = None,
        replacements: int | None = None,
    ) -> None:
        """Plan so many sandboxes; nothing starts yet.

        `backend` is "local" or another backend's name, as for a `ScopedSandbox`. At most so many
        `replacements` are started in all, as many as there are sandboxes unless said otherwise.

        Raises:
            ConfigError: so many there cannot be, or they would all listen at one port.
        """
        self.config = config or SandboxConfig()
        self.name = f"pool-{secrets.token_hex(3)}"
        self.size = size
        self._backend = backend
        self._replacements = size if replacements is None else replacements
        _check(self.config, size, self._replacements)
        # A signal's handler may end it while this thread starts or ends it.
        self._changing = threading.RLock()
        self._run: PoolRun | None = None

    @property
    def sandboxes(self) -> list[ScopedSandbox]:
        """Those that work now, called NAME-0, NAME-1 and so on; replacements go on counting."""
        return self._run.sandboxes if self._run is not None else []

    def start(self, workspace: Workspace | None = None, name: str | None = None) -> Self:
        """Start all sandboxes, or none where one cannot start; a second start does nothing.

        The libraries of `workspace` are importable by the interfaces. `name` is for people.

        Raises:
            ConfigError: they cannot run as they are configured.
            SandboxStartError: one did not start, or the pool was ended meanwhile.
            SandboxError: some of an earlier start have not ended yet.
        """
        with self._changing:
            if self._run is not None:
                self._run.check()
            else:
                self.name = name or self.name
                self._run = run = self._plan(workspace or Workspace())
                try:
                    run.start()
                except BaseException:
                    self._end(0.0)
                    raise
        return self

    def serve(self, path: str | Path, name: str | None = None) -> PooledLibrary:
        """Serve an interface file in all sandboxes; gives what maps its functions over items.

        It is also a library as that of a `ScopedSandbox`, whose functions call one of the
        sandboxes. Waits until the file is loaded everywhere. What it imports has to be there:
        modules beside it come with it, others by the config or the workspace. Replacements serve
        the file as it is now.

        Raises:
            InterfaceError: the file cannot be served, or not as the same in all sandboxes.
            ConfigError: `name`, the file's stem by default, cannot be imported.
            SandboxLostError: no sandbox is left.
        """
        return self._running().serve(Path(path).absolute(), name or Path(path).stem)

    def terminate(self, *, grace: float = 0.0) -> None:
        """End all sandboxes and everything in them. Twice is as good as once.

        Items that a `map` still works on get errors as their outcomes. With `grace`, calls that run
        have so many seconds to end, and nothing new begins.

        A start that goes on, on whatever thread, is given up.

        Raises:
            SandboxError: a backend does not say that it has ended one; the others have ended. To
                call it again is to try again.
        """
        run = self._run
        if run is not None:
            run.give_up()
        with self._changing:
            problems = self._end(grace)
        if problems:
            raise problems[0]

    def __enter__(self) -> Self:
        """Start the sandboxes."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the sandboxes."""
        self.terminate()

    def _plan(self, workspace: Workspace) -> PoolRun:
        plan = partial(ScopedSandbox, self.config, backend=self._backend)
        return PoolRun(self.name, self.size, plan, workspace, self._replacements)

    def _end(self, grace: float) -> Sequence[SeerError]:
        run = self._run
        problems = run.terminate(grace) if run is not None else []
        self._run = run if problems else None
        return problems

    def _running(self) -> PoolRun:
        run = self._run
        if run is None:
            raise not_started()
        run.replicas.check_process()
        return run


def _check(config: SandboxConfig, size: int, replacements: int) -> None:
    if not isinstance(size, int) or size < 1:
        raise ConfigError(f"a pool has at least one sandbox, not size={size!r}")
    if not isinstance(replacements, int) or replacements < 0:
        raise ConfigError(f"replacements={replacements!r} must be 0 or more")
    listening = config.listening
    if listening is not None and listening.address.port and size > 1:
        raise ConfigError(
            f"listen={config.listen!r}: {size} sandboxes cannot listen at one port",
            hint=f'write listen="{listening.address.host}:0" for a free port each',
        )
