"""What a model sees of images, tensors, long results and values that stay in the sandbox."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mcp_types
import numpy as np
import PIL.Image
import pytest

from seer_rpc.client import Media, Session
from seer_rpc.environment import ScopedSandbox
from tests.integration.mcp_talk import Talk, talk, text_of

SOURCE = """
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import torch
from matplotlib.figure import Figure


@expose
def image(width: int = 3, mode: str = "RGB") -> PIL.Image.Image:
    return PIL.Image.new(mode, (width, 2), 200 if mode != "RGB" else (200, 10, 30))


@expose
def noise(width: int) -> PIL.Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (width, width, 3), "uint8")
    return PIL.Image.fromarray(pixels)


@expose
def figure() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2, 3])
    return figure


@expose
def report() -> dict[str, Any]:
    return {"loss": 0.5, "curve": figure(), "samples": [image(), Media(b"RIFF", "audio/wav")]}


@expose
def media(mime: str, size: int = 4) -> Media:
    return Media(b"a" * size, mime)


@expose
def album(count: int) -> list[PIL.Image.Image]:
    return [image(3 + number) for number in range(count)]


@expose
def many_media(mime: str, size: int, count: int) -> Iterator[Media]:
    for number in range(count):
        yield Media(str(number).encode() * size, mime)


@expose
def pour(size: int) -> Iterator[str]:
    while True:
        yield "x" * size


@expose
def size_of(media: Media) -> int:
    return len(media.data)


@expose
def width_of(image: PIL.Image.Image) -> int:
    return image.width


@expose
def tensor(size: int, dtype: str = "float32") -> torch.Tensor:
    return torch.arange(size).to(getattr(torch, dtype))


@expose
def holes() -> np.ndarray:
    return np.array([[1.5, np.nan], [np.inf, 2.5]])


@dataclass
class Layer:
    name: str
    activations: torch.Tensor


@expose
def layers(count: int) -> list[Layer]:
    return [Layer(f"layer {n}", torch.full((64, 8), float(n))) for n in range(count)]


@expose
def frames(count: int) -> Iterator[torch.Tensor]:
    for number in range(count):
        yield torch.full((100,), float(number))


@expose
def keep(size: int) -> TensorRef:
    return TensorRef(torch.ones(size))


@expose
def total(x: torch.Tensor) -> float:
    return float(x.sum())


@expose
def text(length: int) -> str:
    return "".join(str(number % 10) for number in range(length))


@expose
def squares(count: int) -> list[int]:
    return [number**2 for number in range(count)]


@expose
def table(rows: int) -> dict[str, str]:
    return {f"row {number}": "x" * 100 for number in range(rows)}


@expose
def explode(length: int) -> None:
    raise ValueError("a" * length + " end")


@expose
def deep() -> Any:
    value: list[Any] = []
    for _ in range(400):
        value = [value]
    return value
"""


@pytest.fixture(scope="module")
def serving(
    shared: ScopedSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ScopedSandbox, Talk]]:
    file = tmp_path_factory.mktemp("mcp") / "interface.py"
    file.write_text(SOURCE)
    with talk(shared.serve(file, expose_as="mcp", name="results")) as talking:
        yield shared, talking


@pytest.fixture
def server(serving: tuple[ScopedSandbox, Talk]) -> Talk:
    return serving[1]


@pytest.fixture
def session(serving: tuple[ScopedSandbox, Talk]) -> Iterator[Session]:
    """A session as libraries have it."""
    with Session(serving[0].connection("results")) as session:
        yield session


def picture(block: object) -> PIL.Image.Image:
    assert isinstance(block, mcp_types.ImageContent)
    assert block.mime_type == "image/png"
    return PIL.Image.open(io.BytesIO(base64.b64decode(block.data)))


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "RGBA"])
def test_an_image_is_image_content(server: Talk, mode: str) -> None:
    _, block = server.call("image", mode=mode).content

    image = picture(block)
    assert (image.size, image.mode) == ((3, 2), mode)


def test_an_image_that_no_png_holds_says_what_to_do(server: Talk) -> None:
    assert "convert('RGB')" in server.error("image", mode="F")


def test_a_figure_is_drawn(server: Talk) -> None:
    _, block = server.call("figure").content

    image = picture(block)
    assert image.size == (200, 100)
    assert len(image.convert("L").getcolors() or []) > 2


def test_media_inside_a_result_are_named_where_they_were(server: Talk) -> None:
    result = server.call("report")
    text, curve, sample, sound = result.content

    assert picture(curve).size == (200, 100)
    assert picture(sample).size == (3, 2)
    assert isinstance(sound, mcp_types.AudioContent)
    assert base64.b64decode(sound.data) == b"RIFF"
    assert isinstance(text, mcp_types.TextContent)
    told = json.loads(text.text)
    assert told["loss"] == 0.5
    assert "content 2" in told["curve"]["data"]
    assert ["content 3" in told["samples"][0]["data"], "content 4" in told["samples"][1]["data"]]


def test_a_large_image_is_made_smaller(server: Talk) -> None:
    _, block = server.call("noise", width=1500).content

    assert picture(block).size == (1024, 1024)


def test_a_document_is_a_resource(server: Talk) -> None:
    _, block = server.call("media", mime="text/html").content

    assert isinstance(block, mcp_types.EmbeddedResource)
    assert isinstance(block.resource, mcp_types.TextResourceContents)
    assert (block.resource.text, block.resource.mime_type) == ("aaaa", "text/html")


@pytest.mark.parametrize(("mime", "size"), [("application/zip", 10), ("audio/wav", 4 << 20)])
def test_media_that_clients_do_not_take_are_files(server: Talk, mime: str, size: int) -> None:
    result = server.call("media", mime=mime, size=size)

    assert len(result.content) == 1
    assert result.structured_content is not None
    file = Path(result.structured_content["data"].removeprefix("in "))
    assert file.stat().st_size == size


def test_as_many_media_are_shown_as_there_is_room_for(server: Talk) -> None:
    result = server.call("album", count=30)
    blocks = [each for each in result.content if isinstance(each, mcp_types.ImageContent)]
    told = result.structured_content["result"]  # type: ignore[index]

    assert len(blocks) == 20
    assert [each["data"] for each in told[:20]] == [
        f"content {number} of this result" for number in range(2, 22)
    ]
    for number, each in enumerate(told[20:], 20):
        with PIL.Image.open(each["data"].removeprefix("in ")) as image:
            assert image.size == (3 + number, 2)
    assert "10 media are not shown" in text_of(result)


@pytest.mark.parametrize(("mime", "size"), [("image/jpeg", 2 << 20), ("text/plain", 9_000)])
def test_media_that_are_large_together_are_files(server: Talk, mime: str, size: int) -> None:
    result = server.call("many_media", mime=mime, size=size, count=6)

    sent = len(json.dumps([each.model_dump(mode="json") for each in result.content]))
    assert sent < 12 << 20
    told = result.structured_content["result"]  # type: ignore[index]
    kept = [each["data"].removeprefix("in ") for each in told if each["data"].startswith("in ")]
    assert 0 < len(kept) < 6
    assert [Path(file).stat().st_size for file in kept] == [size] * len(kept)
    assert f"{len(kept)} media are not shown" in text_of(result)


def test_libraries_get_images_too(session: Session) -> None:
    image = session.call("image", [5], {})
    assert isinstance(image, PIL.Image.Image)
    assert image.getpixel((0, 0)) == (200, 10, 30)
    assert session.call("figure", [], {}).size == (200, 100)
    assert session.call("width_of", [image], {}) == 5
    media = session.call("media", ["audio/wav"], {})
    assert media == Media(b"aaaa", "audio/wav")
    assert session.call("size_of", [media], {}) == 4


@pytest.mark.parametrize(
    ("dtype", "stored"), [("float32", "float32"), ("int64", "int64"), ("float16", "float16")]
)
def test_a_tensor_is_a_few_words_and_a_file(server: Talk, dtype: str, stored: str) -> None:
    result = server.call("tensor", size=1000, dtype=dtype)
    told = result.structured_content

    assert told is not None
    assert (told["dtype"], told["shape"]) == (dtype, [1000])
    assert (told["min"], told["max"], told["mean"]) == (0, 999, 499.5)
    assert len(text_of(result)) < 1000
    array = np.load(told["file"])
    assert array.dtype == stored
    assert array.tolist() == list(range(1000))
    assert Path(told["file"]).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn"])
def test_a_tensor_that_numpy_has_no_dtype_for_says_how_its_numbers_are_kept(
    server: Talk, dtype: str
) -> None:
    told = server.value("tensor", size=4, dtype=dtype)

    assert (told["dtype"], told["stored_as"]) == (dtype, "float32")
    stored = np.load(told["file"])
    assert stored.dtype == "float32"
    assert stored.tolist() == told["values"] == [0, 1, 2, 3]


def test_what_is_not_finite_in_an_array_is_counted_and_kept(server: Talk) -> None:
    told = server.value("holes")

    assert told["not_finite"] == 2
    assert told["values"] == [[1.5, "NaN"], ["Infinity", 2.5]]
    np.testing.assert_array_equal(np.load(told["file"]), [[1.5, np.nan], [np.inf, 2.5]])


def test_tensors_inside_results_are_summarised(server: Talk) -> None:
    layers = server.value("layers", count=2)

    assert [layer["name"] for layer in layers] == ["layer 0", "layer 1"]
    assert [layer["activations"]["mean"] for layer in layers] == [0.0, 1.0]
    assert np.load(layers[1]["activations"]["file"]).shape == (64, 8)


def test_a_stream_of_large_items_is_ended_before_there_is_no_memory(server: Talk) -> None:
    result = server.call("pour", size=16 << 20)

    assert text_of(result).endswith("\nthe function was ended after 8 items")


def test_tensors_of_a_stream_are_summarised_one_by_one(server: Talk) -> None:
    frames = server.value("frames", count=3)

    assert [frame["mean"] for frame in frames] == [0.0, 1.0, 2.0]


def test_a_tensor_may_be_given_as_numbers(server: Talk) -> None:
    assert server.value("total", x=[[1, 2], [3, 4.5]]) == 10.5


def test_a_value_that_stays_is_an_argument_of_another_call(server: Talk) -> None:
    kept = server.value("keep", size=7)

    assert (kept["dtype"], kept["shape"]) == ("float32", [7])
    assert server.value("total", x={"reference": kept["reference"]}) == 7.0
    # Programs that read numbers as floats name it all the same.
    assert int(float(kept["reference"])) == kept["reference"]


def test_a_reference_that_is_none_says_so(server: Talk) -> None:
    assert "reference" in server.error("total", x={"reference": 12345})


def test_a_long_text_is_clipped_and_kept(server: Talk) -> None:
    result = server.call("text", length=300_000)
    whole = "".join(str(number % 10) for number in range(300_000))

    shown = text_of(result)
    assert len(shown) < 25_000
    assert shown.startswith(whole[:1000])
    assert shown.endswith(whole[-1000:])
    told = result.structured_content
    assert told is not None
    assert told["file"] in shown
    assert Path(told["file"]).read_text() == whole
    assert "note" in told


def test_a_long_list_is_clipped_between_items(server: Talk) -> None:
    result = server.call("squares", count=50_000)

    shown = text_of(result)
    head, note, tail = shown.splitlines()
    first, last = json.loads(f"{head}]"), json.loads(f"[{tail}")
    assert first[:3] == [0, 1, 4]
    assert last[-1] == 49_999**2
    assert f"[{50_000 - len(first) - len(last):,} of 50,000 items" in note
    assert len(shown) < 25_000
    assert result.structured_content is not None
    whole = json.loads(Path(result.structured_content["file"]).read_text())
    assert whole == [number**2 for number in range(50_000)]


def test_a_long_object_is_clipped_too(server: Talk) -> None:
    result = server.call("table", rows=5_000)

    assert len(text_of(result)) < 25_000
    assert len(json.dumps(result.structured_content)) < 30_000
    assert result.structured_content is not None
    assert len(json.loads(Path(result.structured_content["file"]).read_text())) == 5_000


def test_a_long_error_is_clipped_and_kept(server: Talk) -> None:
    error = server.error("explode", length=100_000)

    assert len(error) < 14_000
    assert "ValueError: aaa" in error
    (file,) = re.findall(r"the whole is in (\S+)]", error)
    assert "a" * 100_000 + " end" in Path(file).read_text()


def test_a_result_that_is_short_enough_is_whole(server: Talk) -> None:
    assert server.value("squares", count=1_000) == [number**2 for number in range(1_000)]


def test_a_result_that_is_nested_too_deeply_says_so(server: Talk) -> None:
    result: Any = server.call("deep")

    assert result.is_error or len(text_of(result)) == 802
