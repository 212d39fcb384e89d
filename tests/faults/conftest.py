"""What the tests of the harness share."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves descriptors or threads behind."""
    before = _held()
    yield
    deadline = time.monotonic() + 60
    while any(now > then for now, then in zip(_held(), before, strict=True)):
        assert time.monotonic() < deadline, (before, _held(), threading.enumerate())
        time.sleep(0.02)


@pytest.fixture
def within() -> Callable[..., None]:
    """Wait for a condition; a condition that never comes true fails the test."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.005)

    return wait


def _held() -> tuple[int, int]:
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()
