"""Items of streams: how many are in a frame, whoever made it."""

from __future__ import annotations

import pytest

from seer_runtime.wire.frames import FrameError
from seer_runtime.wire.items import count_items, pack_items


@pytest.mark.parametrize("count", [0, 1, 15, 16, 70_000])
def test_items_are_counted_without_a_look_at_them(count: int) -> None:
    body = pack_items([b"\xc0"] * count)

    assert count_items(body) == count
    assert count_items(memoryview(body)) == count


@pytest.mark.parametrize("body", [b"", b"\xdd\x00", b"\xc0", b"\x81\xc0\xc0", b"\xc1"])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError, match="no list"):
        count_items(body)
