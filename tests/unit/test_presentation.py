"""What is shown of values that are too large to be shown whole."""

from __future__ import annotations

import json
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from seer_rpc.files import remove_old
from seer_rpc.presentation import Progress, clip, keep, present, save_array, summarise, to_json
from seer_rpc.presentation.files import keep_under
from seer_runtime.wire.media import Media

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.array([[1, 2], [3, 6]], "int64"), {"min": 1, "max": 6, "mean": 3.0}),
        (np.array([True, False]), {"min": False, "max": True, "mean": 0.5}),
        (np.array([0.5, NAN, -INF]), {"not_finite": 2, "min": 0.5, "max": 0.5, "mean": 0.5}),
        (np.array([NAN]), {"not_finite": 1}),
        (np.array([1 + 2j]), {}),
        (np.empty((0, 3)), {}),
        (np.array(7.0), {"min": 7.0, "max": 7.0, "mean": 7.0}),
        (np.array(["a", "b"]), {}),
        (np.array(["2026-01-02"], "datetime64[D]"), {}),
        (torch.tensor([1.0, 3.0]), {"min": 1.0, "max": 3.0, "mean": 2.0}),
        (torch.ones(2, 2, requires_grad=True).T, {"min": 1.0, "max": 1.0, "mean": 1.0}),
    ],
)
def test_a_summary_tells_what_there_is_and_the_file_has_the_numbers(
    array: Any, told: dict[str, Any], tmp_path: Path
) -> None:
    summary = summarise(array, tmp_path)

    plain = array.detach().numpy() if isinstance(array, torch.Tensor) else array
    if not told:
        assert not summary.keys() & {"not_finite", "min", "max", "mean"}
    assert {name: summary.get(name) for name in told} == told
    assert summary["shape"] == list(array.shape)
    assert summary["dtype"] == str(array.dtype).removeprefix("torch.")
    stored = np.load(summary["file"])
    assert stored.dtype == plain.dtype
    np.testing.assert_array_equal(stored, plain)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_few_elements_are_shown_and_many_are_not(tmp_path: Path) -> None:
    assert summarise(np.array([[1.5, NAN], [INF, 2]]), tmp_path)["values"] == [
        [1.5, "NaN"],
        ["Infinity", 2.0],
    ]
    assert "values" not in summarise(np.zeros(10_000), tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_what_numpy_has_no_dtype_for_is_stored_as_float32(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    tensor = torch.tensor([1.0, 0.4375]).to(dtype)
    summary = summarise(tensor, tmp_path)

    assert (summary["dtype"], summary["stored_as"]) == (str(dtype)[6:], "float32")
    assert torch.equal(torch.from_numpy(np.load(summary["file"])).to(dtype), tensor)
    assert summary["max"] == 1.0


def test_the_same_numbers_are_the_same_file_and_others_another(tmp_path: Path) -> None:
    files = [
        summarise(array, tmp_path)["file"]
        for array in (np.zeros(4), np.zeros(4), np.zeros((2, 2)), np.zeros(4, "float32"))
    ]

    assert len(set(files)) == 3
    assert files[0] == files[1]
    assert len(list(tmp_path.iterdir())) == 3
    assert Path(files[0]).stat().st_mode & 0o077 == 0


def test_an_array_goes_to_a_file_of_ones_choice(tmp_path: Path) -> None:
    save_array(torch.ones(3, dtype=torch.bfloat16), tmp_path / "ones")

    assert np.load(tmp_path / "ones").tolist() == [1.0, 1.0, 1.0]


def test_no_entry_of_a_dictionary_is_lost() -> None:
    nan = float("nan")

    assert to_json({1: "a", "1": "b"}, str) == {"1 (int)": "a", "1": "b"}
    assert to_json({"1 (int)": 0, 1: 1, "1": 2, (1,): 3}, str) == {
        "1 (int)": 0,
        "1 (int 2)": 1,
        "1": 2,
        "[1]": 3,
    }
    assert to_json({NAN: 1, nan: 2, "x": {None: 1, "None": 2}}, str) == {
        "NaN": 1,
        "NaN (float)": 2,
        "x": {"None (NoneType)": 1, "None": 2},
    }
    assert list(to_json({2: 0, "a": 1, 1: 2}, str)) == ["2", "a", "1"]
    begun = time.thread_time()
    many = to_json({float("nan"): n for n in range(40_000)}, str)
    assert many["NaN (float 39999)"] == 39_999
    assert time.thread_time() - begun < 10


def test_a_long_text_is_clipped_at_both_ends_and_kept_whole(tmp_path: Path) -> None:
    text = "".join(f"{number:06d} " for number in range(1000)) + "é\ud800"
    clipped = clip(text, tmp_path, ".json", most=300)

    assert clipped is not None
    assert len(clipped.head) + len(clipped.tail) == 300
    assert text == clipped.head + text[200:-100] + clipped.tail
    assert clipped.left_out == len(text) - 300
    assert clipped.file.suffix == ".json"
    assert clipped.file.read_text().startswith(text[:6000])
    assert str(clipped.file) in str(clipped)
    assert f"{clipped.left_out:,}" in str(clipped)
    assert math.isclose(len(str(clipped)), 300, abs_tol=200)


def test_a_text_that_is_short_enough_is_not_clipped(tmp_path: Path) -> None:
    assert clip("x" * 300, tmp_path, most=300) is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_can_be_kept_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    files = {keep(content, folder, "image", ".png") for content in (b"a", b"b", b"a")}

    assert sorted(file.read_bytes() for file in files) == [b"a", b"b"]
    assert folder.stat().st_mode & 0o077 == 0


def test_pictures_and_media_are_shown_by_their_bytes(tmp_path: Path) -> None:
    shown = present(Media(b"abc", "text/plain"), tmp_path)
    picture = present(PIL.Image.new("RGB", (2, 2)), tmp_path)

    assert shown == {"data": "YWJj", "mime": "text/plain"}
    assert picture["image"] == "png"
    assert Path(picture["file"]).read_bytes().startswith(b"\x89PNG")


def test_threads_may_keep_the_same_content_at_once(tmp_path: Path) -> None:
    content = b"x" * 1_000_000
    for number in range(10):
        with ThreadPoolExecutor(4) as pool:
            kept = [pool.submit(keep, content, tmp_path, "r", f".{number}") for _ in range(4)]
        assert {each.result().stat().st_size for each in kept} == {len(content)}
    assert len(list(tmp_path.iterdir())) == 10


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(file: object) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        keep_under("0" * 32, tmp_path, "result", ".json", fail)
    assert not list(tmp_path.iterdir())


def test_numbers_that_python_does_not_write_are_shown(tmp_path: Path) -> None:
    huge = 1 << 20_000
    assert present([huge, {huge: 1}], tmp_path) == [hex(huge), {hex(huge): 1}]
    assert summarise(np.array([1.7e308, 1.7e308]), tmp_path)["mean"] == "Infinity"


def test_a_file_that_is_shown_again_counts_as_new(tmp_path: Path) -> None:
    file = keep(b"content", tmp_path, "result", ".txt")
    os.utime(file, (0, 0))

    assert keep(b"content", tmp_path, "result", ".txt") == file
    remove_old(tmp_path)
    assert file.read_bytes() == b"content"
    file.unlink()
    assert keep(b"content", tmp_path, "result", ".txt").read_bytes() == b"content"


def test_progress_that_is_no_number_is_none() -> None:
    assert Progress.of(NAN, 1.0, "lost") is None
    assert Progress.of(None, None, "") is None
    assert Progress.of(1.0, INF, "begun") == (1.0, None, "begun")
    assert str(Progress(1.5, 3.0, "half")) == "1.5 of 3 half"
