"""Outputs of cells as models are told them: text, images, tables, errors, within bounds."""

from __future__ import annotations

import base64
import io
import json
import random
from pathlib import Path
from typing import Any

import mcp_types
import pytest
from PIL import Image

from seer_rpc.errors import NotebookMissingError
from seer_rpc.execution import CellResult
from seer_rpc.mcp.notebook.html import Page
from seer_rpc.mcp.notebook.outputs import shown_output
from seer_rpc.mcp.notebook.pictures import small_picture
from seer_rpc.mcp.notebook.results import Cell, CellReport, output_range
from seer_runtime.wire.media import Media

OBJECT = "<IPython.core.display.HTML object>"


def display(**data: Any) -> dict[str, Any]:
    kinds = {kind.replace("_", "/", 1).replace("__", "+"): each for kind, each in data.items()}
    return {"output_type": "display_data", "data": kinds, "metadata": {}}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def png(width: int, height: int, *, is_noise: bool = False, kind: str = "PNG") -> bytes:
    image = Image.new("RGB", (width, height), "red")
    if is_noise:
        image = Image.frombytes(
            "RGB", (width, height), random.Random(0).randbytes(width * height * 3)
        )
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def report(outputs: list[dict[str, Any]], folder: Path, status: Any = "ok") -> Any:
    result = CellResult("e1", status, 3, outputs, "c1", 1.5)
    return CellReport(result, Cell("s1", "/workspace/n.ipynb"), folder).result()


def text_of(result: Any) -> str:
    return "\n".join(
        each.text for each in result.content if isinstance(each, mcp_types.TextContent)
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10%\r20%\r100%\ndone", "100%\ndone"),
        ("\x1b[31mred\x1b[0m and \x1b[1;38;5;12mblue\x1b[m", "red and blue"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b]0;title\x07end", "link end"),
        ("kept\r\nlines\r\n", "kept\nlines\n"),
    ],
)
def test_what_a_terminal_would_obey_is_not_shown(text: str, shown: str) -> None:
    assert shown_output(stream(text)).text == shown


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"text_plain": "   a\n0  1", "text_html": "<table>...</table>"}, "   a\n0  1"),
        ({"text_plain": OBJECT, "text_html": "<b>1 &lt; 2</b>"}, "1 < 2"),
        ({"text_plain": "<pandas.io.formats.style.Styler at 0x7f>", "text_html": "<p>x"}, "x"),
        ({"text_plain": "<IPython.core.display.Markdown object>", "text_markdown": "# A"}, "# A"),
        ({"text_plain": "<IPython.core.display.Math object>", "text_latex": "$x$"}, "$x$"),
        (
            {"text_plain": "<IPython.core.display.JSON object>", "application_json": {"a": 1}},
            '{"a": 1}',
        ),
        (
            {"text_plain": "IntSlider(value=3)", "application_vnd.jupyter.widget-view+json": {}},
            None,
        ),
        ({"image_svg__xml": "<svg><text>7</text></svg>"}, "SVG image:\n<svg><text>7</text></svg>"),
        (
            {"application_vnd.plotly.v1+json": {"a": 1}},
            "[application/vnd.plotly.v1+json, 8 characters]",
        ),
    ],
)
def test_the_kind_that_says_most_is_shown(data: dict[str, Any], shown: str | None) -> None:
    assert shown_output(display(**data)).text == (shown or data["text_plain"])


def test_html_is_read_and_neither_run_nor_styled() -> None:
    page = Page(
        "<style>p {color: red}</style><script>alert(1)</script>"
        "<table><thead><tr><th></th><th>name</th></tr></thead>"
        "<tr>\n <td>0</td>\n <td>a &amp; b</td></tr></table><ul><li>one<li>two</ul>"
        "<pre>kept\n  as it is</pre><img alt='plot' src='data:image/png;base64,"
        f"{encoded(png(2, 2))}'><svg></svg>"
    )
    assert page.text.split("\n") == [
        *("| name", "0  | a & b", "- one", "- two", "kept", "as it is", "[plot][svg]"),
    ]
    assert [each.data for each in page.pictures] == [png(2, 2)]


def test_pictures_are_made_small_and_never_cut() -> None:
    small = Media(png(20, 10), "image/png")
    assert small_picture(small) == small

    for large in (png(3000, 1500), png(1400, 700, is_noise=True), png(1300, 650, kind="GIF")):
        made = small_picture(Media(large, "image/png"))
        assert made is not None
        with Image.open(io.BytesIO(made.data)) as image:
            image.load()
            assert image.size == (1024, 512)
            assert image.get_format_mimetype() == made.mime
        assert len(made.data) < 1 << 20

    assert small_picture(Media(png(3000, 1500)[:-100], "image/png")) is None
    assert small_picture(Media(b"no image", "image/png")) is None


def test_an_image_comes_with_its_text_and_a_broken_one_is_a_file(tmp_path: Path) -> None:
    whole = display(text_plain="<Figure size 640x480>", image_png=encoded(png(30, 30)))
    broken = display(text_plain="a picture", image_png=encoded(png(30, 30)[:40]))
    result = report([whole, broken], tmp_path)

    (image,) = [each for each in result.content if isinstance(each, mcp_types.ImageContent)]
    assert base64.b64decode(image.data) == png(30, 30)
    assert "<Figure size 640x480>\n[image/png: content 2 of this result]" in text_of(result)
    assert "a picture\n[image/png: cannot be shown" in text_of(result)
    assert [each.read_bytes() for each in tmp_path.rglob("*.bin")] == [png(30, 30)[:40]]


def test_long_output_is_clipped_in_the_middle_and_the_error_is_whole(tmp_path: Path) -> None:
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no",
        "traceback": ["E" * 900],
    }
    long = [stream(f"begin {name}" + name * 50_000 + "end", "stderr") for name in "abcdefgh"]
    result = report([*long, error], tmp_path, "error")

    text, structured = text_of(result), result.structured_content
    assert result.is_error
    assert len(text) < 26_000
    assert "begin a" in text
    assert "E" * 900 in text
    assert (
        '[... 42,010 characters are left out; get_output(session_id, "e1", output=0) gives them'
        in text
    )
    assert "[output 3 to 7: left out for want of room" in text
    assert structured["truncated"] is True
    assert [each["characters"] for each in structured["outputs"]] == [50_010] * 8 + [900]
    assert structured["outputs_in_all"] == 9


def test_many_outputs_and_images_stay_within_bounds(tmp_path: Path) -> None:
    outputs = [display(text_plain="x" * 90, image_png=encoded(png(9, 9))) for _ in range(500)]
    result = report(outputs, tmp_path)
    images = [each for each in result.content if isinstance(each, mcp_types.ImageContent)]
    assert len(images) == 20
    assert len(json.dumps(result.structured_content)) < 40_000
    assert "output=0) gives it]" in text_of(result)
    assert len(text_of(result)) < 30_000
    assert list(tmp_path.iterdir()) == []

    one = output_range(outputs, 1, 80, 100, tmp_path)
    assert text_of(one) == f"{'x' * 10}\n[image/png: content 2 of this result]"
    assert len(one.content) == 2
    with pytest.raises(NotebookMissingError, match="no output 500"):
        output_range(outputs, 500, 0, 100, tmp_path)


@pytest.mark.parametrize("status", ["queued", "running", "dead"])
def test_how_it_stands_is_said_first(status: str, tmp_path: Path) -> None:
    result = report([stream("so far")], tmp_path, status)
    assert text_of(result).startswith(f"Cell c1 [3], execution e1: {status}")
    assert result.is_error == (status == "dead")
    assert ("restart" if status == "dead" else "get_output") in text_of(result)
    assert result.structured_content["status"] == status


@pytest.mark.parametrize(
    "broken",
    ["<a ", "<!--", "<!", "</", "<a b='", '<a b="', "<a =", "<script>", "<img src=", "&#9"],
)
def test_html_that_never_ends_is_read_in_one_go(broken: str) -> None:
    # What looks at each place for an end that is not there takes minutes for so much.
    assert "before" in Page(f"before{broken * 100_000}").text


def test_html_that_the_standard_library_does_not_read_is_read() -> None:
    page = Page("<![odd]>a<![CDATA[b]]>c<?php d ?>e <p it's>f</p>5 < 6 &#" + "9" * 5000 + ";")

    assert page.text.startswith("ace\nf\n5 < 6 &#999")


def test_what_scripts_say_is_no_markup() -> None:
    assert Page('<script>if (a<b) "</p>"; "<p>x"</SCRIPT >y<style>p{}').text == "y"


def test_attributes_are_read_with_and_without_quotes() -> None:
    data = encoded(png(2, 2))
    page = Page(
        f"<img alt='a > b' src='data:image/png;base64,{data}'><IMG SRC=x ALT=c><img alt=&lt;/>"
    )

    assert (page.text, len(page.pictures)) == ("[a > b][c][</]", 1)


@pytest.mark.parametrize(
    "output",
    [
        *({}, {"output_type": "stream", "text": 5}, {"output_type": "error", "traceback": 5}),
        *({"output_type": "error", "traceback": [5]}, {"output_type": "display_data", "data": 5}),
        display(text_html=5, text_plain=None),
        display(text_html=[1, 2], image_png={"a": 1}),
        display(image_png=5, application_json={"a": [None]}),
    ],
)
def test_whatever_code_puts_out_is_told_somehow(output: Any, tmp_path: Path) -> None:
    # One such output would keep all of the notebook from being read.
    result = report([stream("before"), output], tmp_path)

    assert "before" in text_of(result)
    assert "before" in CellResult("e1", "ok", 3, [stream("before"), output]).text


def test_code_that_put_nothing_out_so_far_is_not_said_to_have(tmp_path: Path) -> None:
    silent, loud = report([], tmp_path, "running"), report([stream("a")], tmp_path, "running")
    assert text_of(silent).splitlines()[0].endswith("; nothing came out so far.")
    assert "; so far it put this out:\na\n" in text_of(loud)
