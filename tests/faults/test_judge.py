"""The judge sees each way in which a promise can be broken."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.errors import SandboxLostError, WorkerDiedError
from tests.faults.calls import PAYLOAD, plan_call
from tests.faults.evidence import Evidence
from tests.faults.judge import Judge, Verdict, compare

CALLS = 40
ODD = "-7"
"""Every caller below does one call wrong: the seventh."""


class HonestCaller:
    """Runs calls here, and leaves the evidence itself."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def run(self, key: str) -> None:
        with self._evidence.file.open("a") as file:
            file.write(f"{key} 1\n")

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> Any:
        key, argument = args
        self.run(key)
        if key.endswith(ODD):
            self.misbehave(key)
        match function:
            case "echo":
                return argument
            case "reverse":
                return argument[::-1]
            case "count":
                return ((key, number) for number in range(argument))
        return key

    def misbehave(self, key: str) -> None:
        """Do nothing wrong."""


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Verdict]:
    """Judge a caller that differs from an honest one by how it misbehaves."""

    def judge(
        misbehave: Callable[[HonestCaller, str], None] = HonestCaller.misbehave,
        caller: type[HonestCaller] = HonestCaller,
    ) -> Verdict:
        evidence = Evidence(tmp_path / "evidence")
        cls = type("OddCaller", (caller,), {"misbehave": misbehave})
        judge = Judge(threads=4, patience=2.0)
        judge.run(cls(evidence), CALLS)
        return compare(judge.outcomes, evidence.runs())

    return judge


def test_honest_work_is_clean(judged: Callable[..., Verdict]) -> None:
    verdict = judged()

    assert verdict.is_clean
    assert str(verdict) == (
        f"FAULTS injected=0 ok={CALLS} typed=0 untyped=0 lost=0 dup=0 wrong=0 orphans=0"
    )


def test_a_call_that_ran_twice(judged: Callable[..., Verdict]) -> None:
    verdict = judged(lambda caller, key: caller.run(key))

    assert not verdict.is_clean
    assert len(verdict.dup) == 1
    assert verdict.ok == CALLS


def test_a_call_without_an_outcome(judged: Callable[..., Verdict]) -> None:
    hung = threading.Event()
    verdict = judged(lambda caller, key: hung.wait(30))
    hung.set()

    assert not verdict.is_clean
    assert len(verdict.lost) == 1
    assert verdict.lost[0].endswith(ODD)


def test_a_value_of_another_call(judged: Callable[..., Verdict]) -> None:
    class Mistaken(HonestCaller):
        def call(self, function: str, args: Sequence[Any], *rest: Any) -> Any:
            value = super().call(function, args, *rest)
            return None if args[0].endswith(ODD) else value

    verdict = judged(caller=Mistaken)

    assert not verdict.is_clean
    assert (verdict.ok, len(verdict.wrong) + len(verdict.untyped)) == (CALLS - 1, 1)


def test_a_value_without_a_run(judged: Callable[..., Verdict]) -> None:
    class Inventive(HonestCaller):
        def run(self, key: str) -> None:
            if not key.endswith(ODD):
                super().run(key)

    verdict = judged(caller=Inventive)

    assert [line.partition(": ")[2] for line in verdict.wrong] == ["gave a value and never ran"]


def test_an_error_of_another_library(judged: Callable[..., Verdict]) -> None:
    def misbehave(caller: HonestCaller, key: str) -> None:
        raise KeyError(key)

    verdict = judged(misbehave)

    assert not verdict.is_clean
    assert len(verdict.untyped) == 1
    assert "KeyError" in verdict.untyped[0]


def test_an_error_that_denies_a_run(judged: Callable[..., Verdict]) -> None:
    def misbehave(caller: HonestCaller, key: str) -> None:
        raise SandboxLostError("gone", started=False)

    verdict = judged(misbehave)

    assert not verdict.is_clean
    assert verdict.typed == {"SandboxLostError": 1}
    assert len(verdict.wrong) == 1


def test_an_error_that_admits_a_run_is_no_fault(judged: Callable[..., Verdict]) -> None:
    def misbehave(caller: HonestCaller, key: str) -> None:
        raise WorkerDiedError("gone", started=True)

    verdict = judged(misbehave)

    assert verdict.is_clean
    assert (verdict.typed, verdict.started) == ({"WorkerDiedError": 1}, 1)


def test_a_run_that_nobody_asked_for(judged: Callable[..., Verdict]) -> None:
    verdict = judged(lambda caller, key: caller.run("a-stranger"))

    assert verdict.wrong == ["a-stranger: nobody called it"]


def test_processes_that_are_left_are_not_clean(judged: Callable[..., Verdict]) -> None:
    verdict = judged()
    orphaned = Verdict(1, Counter(), 0, [], [], [], [], Counter(kill=2), [4711])

    assert not orphaned.is_clean
    assert str(verdict + orphaned).startswith(f"FAULTS injected=2 ok={CALLS + 1} ")
    assert str(verdict + orphaned).endswith(" orphans=1")


def test_calls_go_on_until_it_is_enough(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "evidence")
    judge = Judge(threads=2)
    judge.run(HonestCaller(evidence), 10, lambda: len(judge.outcomes) >= 50)

    assert 50 <= evidence.runs().total() <= 52


def test_the_same_seed_plans_the_same_calls() -> None:
    calls = [plan_call(number, seed=1) for number in range(200)]

    assert calls == [plan_call(number, seed=1) for number in range(200)]
    assert calls != [plan_call(number, seed=2) for number in range(200)]
    assert {call.function for call in calls} == {"echo", "reverse", "count", "nap"}
    assert {len(call.argument) for call in calls if call.function == "reverse"} == {PAYLOAD}


def test_evidence_tells_who_ran_last_and_waits_for_late_runs(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "evidence")
    assert evidence.last_pid() == 0
    caller = HonestCaller(evidence)

    late = threading.Timer(0.2, caller.run, ["late"])
    late.start()
    evidence.settle(quiet=1.5)

    assert evidence.runs() == {"late": 1}
    assert evidence.last_pid() == 1
    late.join()


def test_calls_stop_where_nothing_gives_a_value_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(HonestCaller):
        def call(self, *_: Any) -> Any:
            raise SandboxLostError("gone")

    monkeypatch.setattr("tests.faults.judge._HOPELESS", (20, 0.2))
    judge = Judge(threads=2)
    judge.run(Lost(Evidence(tmp_path / "evidence")), 10, lambda: False)

    assert len(judge.outcomes) > 20
