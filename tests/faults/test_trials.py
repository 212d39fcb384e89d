"""What the product promises, under faults, judged by evidence."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.faults.callers import BlindCaller, ReopeningCaller
from tests.faults.judge import Verdict
from tests.faults.plan import NETWORK, Fault
from tests.faults.trial import Trial, run_beside

# A machine may be slow; what hangs is noticed by the judge's own patience.
pytestmark = pytest.mark.timeout(600)

Show = Callable[[Verdict], None]

SUDDEN = {fault: weight for fault, weight in NETWORK.items() if "blackhole" not in fault}
"""The faults that both ends notice at once."""


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Show:
    """Print a verdict where everybody sees it, and what it is made of where the test fails."""

    def show_verdict(verdict: Verdict) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{request.node.name}: {verdict}\n")
        sys.stdout.write(f"{dict(verdict.injected)} {dict(verdict.typed)} {verdict.started=}\n")

    return show_verdict


def test_without_faults_every_call_gives_its_value(show: Show) -> None:
    verdict = Trial(calls=600).run()
    show(verdict)

    assert verdict.is_clean, verdict
    assert (verdict.ok, verdict.injected) == (600, {})


def test_processes_that_are_stopped_for_a_while_cost_nothing(show: Show) -> None:
    verdict = Trial(seed=1, calls=200, stops=10).run()
    show(verdict)

    assert verdict.is_clean, verdict
    assert verdict.typed == {}
    assert verdict.injected == {"stop": 10}


@pytest.mark.parametrize("is_direct", [False, True], ids=["relayed", "direct"])
def test_workers_that_are_killed_cost_what_is_told_and_no_more(show: Show, is_direct: bool) -> None:
    verdict = Trial(seed=2, calls=500, kills=50, is_direct=is_direct).run()
    show(verdict)

    assert verdict.is_clean, verdict
    assert verdict.injected == {"kill": 50}
    assert verdict.typed.keys() <= {"WorkerDiedError", "StateLostError"}
    # Of the calls that a worker takes with it, only one can have begun.
    assert 0 < verdict.started <= 50
    assert verdict.ok > 500


def test_a_session_survives_the_network(show: Show) -> None:
    trials = [Trial(seed=seed, calls=300, network=NETWORK, faults=105) for seed in (3, 4, 5)]
    verdict = run_beside(trials)
    show(verdict)

    assert verdict.is_clean, verdict
    assert verdict.typed == {}
    assert verdict.injected.total() >= 300
    assert verdict.injected.keys() == set(Fault)


def test_calls_that_a_lost_session_takes_with_it_never_run_twice(show: Show) -> None:
    trials = [Trial(seed=seed, calls=200, network=SUDDEN, faults=35) for seed in (6, 7, 8)]
    verdict = run_beside(trials, ReopeningCaller)
    show(verdict)

    assert verdict.is_clean, verdict
    assert verdict.typed.keys() <= {"SandboxLostError"}
    assert verdict.injected.total() >= 100
    assert verdict.injected.keys() == set(SUDDEN)


def test_a_client_that_repeats_blindly_is_found_out(show: Show) -> None:
    verdict = Trial(seed=9, calls=200, kills=12).run(BlindCaller)
    show(verdict)

    assert len(verdict.dup) > 0
    assert not verdict.is_clean
