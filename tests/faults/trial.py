"""A trial: a sandbox of its own, calls through a proxy, faults meanwhile, and the verdict."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.client import Connection, Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from tests.faults.calls import MIX
from tests.faults.evidence import INTERFACE, VARIABLE, Evidence
from tests.faults.judge import Caller, Judge, Verdict, compare
from tests.faults.killer import Killer, Stopper
from tests.faults.plan import Fault, Plan
from tests.faults.processes import SandboxProcesses
from tests.faults.proxy import FaultProxy

OpenCaller = Callable[[Connection], contextlib.AbstractContextManager[Caller]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is to happen. The same seed draws the same faults and the same calls."""

    seed: int = 0
    calls: int = 500
    """At least so many; there are more until every fault has happened."""

    threads: int = 8
    mix: Mapping[str, float] = field(default_factory=lambda: MIX)
    network: Mapping[Fault, float] = field(default_factory=dict)
    """How often each fault hits connections."""

    faults: int = 0
    """So many of these."""

    is_direct: bool = False
    """Straight to the worker, not through the proxy and the front."""

    kills: int = 0
    stops: int = 0
    pace: float = 0.1
    """Mean seconds between the faults of one connection."""

    patience: float = 60.0
    """Seconds without any outcome after which what is open is lost."""

    longest: float = 200.0
    """Seconds after which there are no more calls, however many faults there were."""

    def run(
        self,
        open_caller: OpenCaller = Session,
        on_fault: Callable[[int], None] = lambda injected: None,
    ) -> Verdict:
        """Run it; `on_fault` hears now and then how many faults there were."""
        with tempfile.TemporaryDirectory(prefix="seer-trial-") as folder:
            return self._run(Evidence(Path(folder, "evidence")), open_caller, on_fault)

    def _run(
        self, evidence: Evidence, open_caller: OpenCaller, on_fault: Callable[[int], None]
    ) -> Verdict:
        judge = Judge(seed=self.seed, threads=self.threads, mix=self.mix, patience=self.patience)
        config = SandboxConfig(
            env={VARIABLE: str(evidence.file)},
            listen="127.0.0.1:0",
            tls="off",
            # The witness writes where the judge reads.
            isolation="none",
        )
        with ScopedSandbox(config) as scoped, contextlib.ExitStack() as stack:
            library = scoped.serve(INTERFACE)
            connection = library.for_network().connection
            processes = SandboxProcesses(scoped.sandbox_id)
            proxy = stack.enter_context(FaultProxy(connection.endpoint, self.longest * 2))
            through = dataclasses.replace(connection, endpoint=proxy.address)
            if self.is_direct:
                through = library.connection
            caller = stack.enter_context(open_caller(through))
            killer = Killer(processes, evidence, self.kills, self.seed)
            stopper = Stopper(processes, self.stops, self.seed)
            deadline = time.monotonic() + self.longest

            def injected() -> Counter[str]:
                processes = {"kill": killer.done, "stop": stopper.done}
                return Counter(map(str, proxy.injected.elements())) + Counter(processes)

            def enough() -> bool:
                done = len(proxy.events) + killer.done + stopper.done
                on_fault(done)
                planned = self.faults + self.kills + self.stops
                return done >= planned or time.monotonic() > deadline

            proxy.play(Plan(self.seed, self.network, self.pace, limit=self.faults))
            with killer, stopper:
                judge.run(caller, self.calls, enough)
            proxy.heal()
            evidence.settle()
            strays = _strays(processes)
        verdict = compare(judge.outcomes, evidence.runs())
        orphans = sorted({*strays, *processes.left()})
        return dataclasses.replace(verdict, injected=injected(), orphans=orphans)


def run_beside(trials: Sequence[Trial], open_caller: OpenCaller = Session) -> Verdict:
    """Run trials beside each other: most of their time is spent waiting. Give the sum."""
    with ThreadPoolExecutor(len(trials)) as threads:
        verdicts: list[Verdict] = list(threads.map(lambda each: each.run(open_caller), trials))
    return sum(verdicts[1:], verdicts[0])


def _strays(processes: SandboxProcesses) -> list[int]:
    """Give what is there beside the one worker; what is ending gets a while."""
    deadline = time.monotonic() + 60.0
    while len(strays := processes.marked()) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    return strays if len(strays) > 1 else []
