"""A model that takes about 2 ms for a step, most of it in many small torch operations."""

from __future__ import annotations

import time

import torch

_STEP = 0.002
_SIDE = 64
_TRIALS = 30


class Stepper:
    """Does steps of the same work, once it has found out how much work a step is."""

    def __init__(self) -> None:
        """Take the shortest of some trials: the others waited for something."""
        self._weights = torch.randn(_SIDE, _SIDE) / _SIDE
        self._state = torch.randn(_SIDE, _SIDE)
        self._operations = 100
        trial = min(self._seconds() for _ in range(_TRIALS))
        self._operations = max(1, round(self._operations * _STEP / trial))

    def step(self) -> int:
        """Do a step; gives something like a token."""
        for _ in range(self._operations):
            self._state = torch.tanh(self._state @ self._weights)
        return int(self._state.argmax())

    def _seconds(self) -> float:
        begun = time.perf_counter()
        self.step()
        return time.perf_counter() - begun
