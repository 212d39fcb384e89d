"""Texts that have to fit: as much as there is room for, and never more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seer_rpc.generators.budgets import estimate_tokens, fit, size_of

TEXTS = st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=4), max_size=6)


@given(TEXTS, st.integers(0, 200))
def test_what_is_chosen_fits_and_nothing_is_chosen_only_where_nothing_could(
    versions: list[list[str]], room: int
) -> None:
    chosen = fit(versions, room)
    shortest = sum(min(map(size_of, each)) for each in versions)

    assert (chosen is None) == (shortest > room)
    if chosen is not None:
        assert sum(map(size_of, chosen)) <= room
        assert all(text in each for text, each in zip(chosen, versions, strict=True))
    assert fit(versions, room) == chosen


def test_a_level_of_detail_goes_first_where_that_saves_most() -> None:
    versions = [["aaaa", "aa", ""], ["bbbbbbbbbb", "b", ""], ["cccccc"]]

    assert fit(versions, 20) == ["aaaa", "bbbbbbbbbb", "cccccc"]
    assert fit(versions, 19) == ["aaaa", "b", "cccccc"]
    assert fit(versions, 10) == ["aa", "b", "cccccc"]
    assert fit(versions, 7) == ["", "b", "cccccc"]
    assert fit(versions, 6) == ["", "", "cccccc"]
    assert fit(versions, 5) is None


def test_room_that_is_left_is_used() -> None:
    # The long one has to go; then there is room for the short one after all.
    assert fit([["x" * 50, ""], ["yy", "y"], ["z", ""]], 4) == ["", "yy", "z"]


def test_a_token_is_three_bytes() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "abc", "abcd", "éé", "🚀")] == [
        *(0, 1, 1, 2, 2, 2)
    ]
