"""A model that does its steps with and without telling of each."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.interfaces.steps import Stepper
from seer_rpc.interface import expose

stepper = Stepper()


@expose
def run(count: int) -> int:
    """Do steps, and give the last token."""
    token = 0
    for _ in range(count):
        token = stepper.step()
    return token


@expose
def stream(count: int) -> Iterator[int]:
    """Do steps, and give each token."""
    for _ in range(count):
        yield stepper.step()
