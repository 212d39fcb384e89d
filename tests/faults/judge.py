"""The judge: makes calls, hears what became of each, and compares that with the evidence."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from seer_rpc.errors import SeerError
from tests.faults.calls import MIX, Call, plan_call

_PAUSE = 0.005
"""Seconds that a thread waits after an error: a caller that hammers shows nothing new."""

_HOPELESS = (1000, 10.0)
"""So many outcomes and so many seconds without a value mean that there will be none."""


class Caller(Protocol):
    """What the judge calls through: a session, or what stands for one."""

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> Any:
        """Call a function and give its value."""


class End(Enum):
    """How a call ended, as its caller saw it."""

    OPEN = "open"
    """Not yet; in the end that is a lost call."""

    OK = "ok"
    BAD = "bad"
    """With a value that is not its own."""

    TYPED = "typed"
    """With an error of this library's."""

    UNTYPED = "untyped"
    """With any other error."""


@dataclass
class Outcome:
    """What became of one call."""

    key: str
    end: End = End.OPEN
    error: str = ""
    """The class of the error."""

    detail: str = ""
    started: bool = False
    """What the error says of that."""


@dataclass(frozen=True)
class Verdict:
    """What a run showed."""

    ok: int
    typed: Counter[str]
    """Errors of this library's by class."""

    started: int
    """Of these, those that say that the function had begun."""

    untyped: list[str]
    """Keys of the calls, here and below."""

    lost: list[str]
    dup: list[str]
    wrong: list[str]
    injected: Counter[str] = field(default_factory=Counter)
    """Faults by kind."""

    orphans: list[int] = field(default_factory=list)
    """Processes that should not have been there any more."""

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not (self.untyped or self.lost or self.dup or self.wrong or self.orphans)

    def __add__(self, other: Verdict) -> Verdict:
        """Give the verdict over both runs."""
        parts = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return Verdict(**{name: part + getattr(other, name) for name, part in parts.items()})

    def __str__(self) -> str:
        """Give the line that a run is held against."""
        return (
            f"FAULTS injected={self.injected.total()} ok={self.ok} typed={self.typed.total()} "
            f"untyped={len(self.untyped)} lost={len(self.lost)} dup={len(self.dup)} "
            f"wrong={len(self.wrong)} orphans={len(self.orphans)}"
        )


def compare(outcomes: Sequence[Outcome], runs: Mapping[str, int]) -> Verdict:
    """Hold what callers were told against what ran."""
    known = {outcome.key for outcome in outcomes}
    typed = [outcome for outcome in outcomes if outcome.end is End.TYPED]
    wrong = [f"{each.key}: {problem}" for each in outcomes if (problem := _problem(each, runs))]
    wrong += [f"{key}: nobody called it" for key in runs if key not in known]
    return Verdict(
        ok=sum(outcome.end is End.OK for outcome in outcomes),
        typed=Counter(outcome.error for outcome in typed),
        started=sum(outcome.started for outcome in typed),
        untyped=[f"{each.key}: {each.detail}" for each in outcomes if each.end is End.UNTYPED],
        lost=[outcome.key for outcome in outcomes if outcome.end is End.OPEN],
        dup=[f"{key}: {count} runs" for key, count in runs.items() if count > 1],
        wrong=wrong,
    )


def _problem(outcome: Outcome, runs: Mapping[str, int]) -> str:
    has_run = runs.get(outcome.key, 0) > 0
    if outcome.end is End.BAD:
        return outcome.detail
    if outcome.end is End.OK and not has_run:
        return "gave a value and never ran"
    if outcome.end is End.TYPED and not outcome.started and has_run:
        return f"ran, and {outcome.error} says that it did not: {outcome.detail}"
    return ""


class Judge:
    """Makes calls from several threads, and keeps an account of every one."""

    def __init__(
        self,
        *,
        seed: int = 0,
        threads: int = 8,
        mix: Mapping[str, float] = MIX,
        patience: float = 60.0,
    ) -> None:
        """Plan calls by `seed`; one without an outcome for `patience` seconds is lost."""
        self.outcomes: list[Outcome] = []
        self._seed = seed
        self._threads = threads
        self._mix = mix
        self._patience = patience
        self._numbers = itertools.count(1)
        self._last_value = (0, 0.0)
        self._lock = threading.Lock()

    def run(self, caller: Caller, calls: int, enough: Callable[[], bool] = lambda: True) -> None:
        """Make so many calls, and more until it is enough or hopeless.

        Returns though some calls never end.
        """
        self._last_value = (0, time.monotonic())

        def work() -> None:
            while (call := self._next(calls, enough)) is not None:
                self._make(caller, *call)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        self._wait(threads)

    def _wait(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for the threads, as long as anything goes on."""
        seen, since = -1, time.monotonic()
        while any(thread.is_alive() for thread in threads):
            done = sum(outcome.end is not End.OPEN for outcome in tuple(self.outcomes))
            if done != seen:
                seen, since = done, time.monotonic()
            elif time.monotonic() - since > self._patience:
                return
            time.sleep(0.02)

    def _next(self, calls: int, enough: Callable[[], bool]) -> tuple[Call, Outcome] | None:
        with self._lock:
            number = next(self._numbers)
            if (enough() and number > calls) or self._is_hopeless(number):
                return None
            call = plan_call(number, self._seed, self._mix)
            outcome = Outcome(call.key)
            self.outcomes.append(outcome)
        return call, outcome

    def _is_hopeless(self, number: int) -> bool:
        calls, seconds = _HOPELESS
        at, since = self._last_value
        return number - at > calls and time.monotonic() - since > seconds

    def _make(self, caller: Caller, call: Call, outcome: Outcome) -> None:
        try:
            value = caller.call(call.function, [call.key, call.argument], {})
            if isinstance(call.right, list):
                value = list(value)
        except SeerError as error:
            outcome.started = error.started
            self._end(outcome, End.TYPED, error)
            time.sleep(_PAUSE)
        except BaseException as error:
            self._end(outcome, End.UNTYPED, error)
        else:
            is_right = type(value) is type(call.right) and value == call.right
            outcome.detail = "" if is_right else f"gave {value!r:.80}"
            outcome.end = End.OK if is_right else End.BAD
            self._last_value = (len(self.outcomes), time.monotonic())

    def _end(self, outcome: Outcome, end: End, error: BaseException) -> None:
        outcome.error = type(error).__name__
        outcome.detail = f"{outcome.error}: {error}".partition("\n")[0]
        outcome.end = end
