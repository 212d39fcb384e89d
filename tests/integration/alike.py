"""What a verb gave to a library and to a model, so that the two can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seer_rpc.presentation import to_json


def typed(value: Any) -> Any:
    """Give what a library's function gave as plain JSON, numbers of arrays included."""
    return _without_numbers(to_json(value, lambda array: array.tolist()))


def told(value: Any) -> Any:
    """Give what a tool gave, with the numbers that are in files."""
    if isinstance(value, list):
        return [told(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "file" in value:
        file = Path(value["file"])
        if file.suffix == ".npy":
            return np.load(file).tolist()
        return told(json.loads(file.read_text()))
    return {name: told(each) for name, each in _without_numbers(value).items()}


def as_argument(value: Any) -> Any:
    """Give what a tool gave as tools take it: references by their numbers."""
    if isinstance(value, list):
        return [as_argument(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "reference" in value:
        return {"reference": value["reference"]}
    return {name: as_argument(each) for name, each in value.items()}


def assert_alike(one: Any, other: Any) -> None:
    """See to it that two are the same, but for rounding."""
    assert type(one) is type(other) or {type(one), type(other)} == {int, float}
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert_alike(value, other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for each, another in zip(one, other, strict=True):
            assert_alike(each, another)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)
    else:
        assert one == other


def _without_numbers(value: Any) -> Any:
    """Leave out by which number a reference is known."""
    if isinstance(value, list):
        return [_without_numbers(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: each for name, each in value.items() if name != "reference"}
    return {name: _without_numbers(each) for name, each in kept.items()}
