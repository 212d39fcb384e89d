"""More than 2 GiB in one call, and what that costs in memory. Runs alone: it takes much of it."""

from __future__ import annotations

import pytest

from tests.integration.huge import CROSSINGS, THERE, Crossing, available, cross, needed
from tests.integration.huge_numbers import is_whole, make
from tests.integration.ways import GRPC

SIZE = 2200 << 20


@pytest.mark.skipif(available() < needed(SIZE), reason=f"needs {needed(SIZE) >> 30} GiB of memory")
@pytest.mark.alone
@pytest.mark.parametrize(("way", "direction"), CROSSINGS)
def test_more_than_two_gibibytes_cross_in_one_call(way: str, direction: str) -> None:
    crossing = cross(way, direction, SIZE)

    assert crossing.is_whole, crossing.error
    assert crossing.is_bounded, str(crossing)


def test_what_did_not_come_whole_is_found_out() -> None:
    size = 32 << 20
    values = make(size)
    assert is_whole(values, size)
    assert not is_whole(values[:-1], size)
    values[3_000_000] += 1
    assert not is_whole(values, size)


def test_a_process_that_takes_too_much_is_found_out() -> None:
    grown = {"client": SIZE, "front": SIZE, "worker": SIZE}
    assert Crossing(GRPC, THERE, SIZE, is_whole=True, grown=grown).is_bounded
    more = {**grown, "front": SIZE + (200 << 20)}
    assert not Crossing(GRPC, THERE, SIZE, is_whole=True, grown=more).is_bounded
