"""Figures of what the ready-made interfaces give: what they say, and that nothing breaks them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seer_interfaces import plots

ODD = [
    " \n",
    "$x$",
    r"$\frac",
    "中文",
    "😀",
    "\ufffd",
    "_under",
    "\t",
    "a" * 50,
    "\x00",
    "",
    "שלום",
]
RANDOM = np.random.default_rng(0)


def lens(tokens: list[str], layers: int = 4) -> dict[str, Any]:
    logprobs = np.log(RANDOM.uniform(0.01, 1, (layers, len(tokens), 2)))
    return {
        "layers": list(range(0, 2 * layers, 2)),
        "tokens": tokens,
        "top": [
            [[f"{layer}{place}", "b"] for place in range(len(tokens))] for layer in range(layers)
        ],
        "top_logprobs": logprobs.tolist(),
        "target_logprobs": logprobs.tolist(),
    }


def grid(columns: list[str], layers: int = 3) -> dict[str, Any]:
    values = RANDOM.normal(size=(layers, len(columns)))
    return {
        "values": values,
        "layers": list(range(layers)),
        "columns": columns,
        "clean": 6.119,
        "corrupt": -5.5,
    }


def drawn(plot: plots.Plot) -> Image.Image:
    content = io.BytesIO()
    plot.savefig(content, format="png")
    return Image.open(content)


def texts(plot: plots.Plot) -> list[str]:
    """Give all that stands in a figure."""
    plot.draw_without_rendering()
    from matplotlib.text import Text

    return [each.get_text() for each in plot.findobj(Text) if each.get_visible()]


def test_a_lens_names_layers_tokens_and_what_they_would_say() -> None:
    plot = plots.lens(lens(["The", " cat"]), title="Lens")

    said = texts(plot)
    assert {"Lens", "layer", "The", "␣cat", "00", "31", "6", "probability of the token"} <= set(
        said
    )
    (image,) = plot.axes[0].images
    assert image.get_array().shape == (4, 2)
    assert image.get_clim() == (0, 1)


def test_a_lens_of_a_target_is_in_nats_up_to_zero() -> None:
    result = lens(["The", " cat"])
    plot = plots.lens(result, target=1)

    (image,) = plot.axes[0].images
    expected = np.array(result["target_logprobs"])[..., 1]
    np.testing.assert_allclose(image.get_array(), expected)
    assert image.get_clim() == (expected.min(), 0)
    assert "log probability of the target (nats)" in texts(plot)


def test_grids_are_symmetric_around_zero_and_tell_their_ends() -> None:
    plot = plots.patch_grid(grid(["The", " cat"]))

    (image,) = plot.axes[0].images
    lowest, highest = image.get_clim()
    assert -lowest == highest == np.abs(image.get_array()).max()
    said = texts(plot)
    assert "logit difference: clean 6.12, corrupt -5.50" in said
    assert "position" in said
    assert "head" in texts(plots.patch_grid(grid(["0", "1", "2"])))


def test_tensors_arrays_lists_objects_and_json_draw_the_same() -> None:
    class Grid:
        def __init__(self, fields: dict[str, Any]) -> None:
            self.__dict__ = fields

    given = grid(["a", "b"])
    as_json = json.loads(json.dumps({**given, "values": given["values"].tolist()}))
    tensor = torch.tensor(given["values"], requires_grad=True)
    pictures = [
        drawn(plots.patch_grid(each)).tobytes()
        for each in (given, as_json, Grid(given), {**given, "values": tensor})
    ]
    assert len(set(pictures)) == 1
    half = torch.tensor([[1.0, 2.0]], dtype=torch.bfloat16)
    assert plots.heads(half).axes[0].images[0].get_array().tolist() == [[1.0, 2.0]]


def test_heads_have_a_colour_for_below_zero_where_there_is_any() -> None:
    assert plots.heads([[0.0, 0.5]]).axes[0].images[0].get_clim() == (0, 0.5)
    assert plots.heads([[-1.0, 0.5]]).axes[0].images[0].get_clim() == (-1, 1)


def test_attention_is_of_the_last_tokens_and_one_square_for_each_head() -> None:
    patterns = np.tril(RANDOM.uniform(size=(3, 5, 5)))
    plot = plots.attention(patterns, ["a", " b", "c", "d"], heads=[2, 4, 7])

    shown = [axes for axes in plot.axes if axes.images and axes.get_title()]
    assert [axes.get_title() for axes in shown] == ["head 2", "head 4", "head 7"]
    np.testing.assert_allclose(shown[1].images[0].get_array(), patterns[1, 1:, 1:])
    assert {"query", "key", "␣b"} <= set(texts(plot))
    single = plots.attention(patterns[0], ["a", "b", "c", "d", "e"])
    assert not [text for text in texts(single) if text.startswith("head")]


def test_sweeps_show_the_mean_and_how_sure_it_is() -> None:
    strengths = [2.0, -2.0, 0.0]
    plot = plots.steering(strengths, {"layer 3": [[1, 3], [5, 5], [0, np.nan]]}, label="nats")

    line = plot.axes[0].lines[0]
    assert line.get_xdata().tolist() == [-2, 0, 2]
    assert line.get_ydata().tolist() == [5, 0, 2]
    (band,) = plot.axes[0].collections
    (path,) = band.get_paths()
    at_two = path.vertices[path.vertices[:, 0] == 2, 1]
    assert (at_two.min(), at_two.max()) == (1, 3)
    assert {"steering strength", "nats"} <= set(texts(plot))


def test_norms_are_on_a_logarithmic_axis_where_they_are_far_apart() -> None:
    assert plots.norms([1.0, 5.0]).axes[0].get_yscale() == "linear"
    both = plots.norms({"activations": [1.0, 50.0], "direction": [0.1, 0.2]}, layers=[3, 7])
    assert both.axes[0].get_yscale() == "log"
    assert {"activations", "direction", "layer"} <= set(texts(both))
    assert "LogNorm" in str(plots.norm_table([[1, 500]], ["a", "b"]).axes[0].images[0].norm)


def test_curves_of_a_lens_are_its_targets() -> None:
    result = lens(["The", " cat"])
    plot = plots.lens_curves(result, [" Mary", "$John$"])

    drawn_line = plot.axes[0].lines[1].get_ydata()
    assert drawn_line.tolist() == [row[-1][1] for row in result["target_logprobs"]]
    assert {"␣Mary", "$John$"} <= set(texts(plot))


@pytest.mark.parametrize("columns", [ODD, ODD * 17], ids=["few", "204"])
def test_odd_tokens_long_prompts_and_missing_numbers_are_drawn(columns: list[str]) -> None:
    """Warnings are errors here: of letters that no font has, too."""
    given = grid(columns, 5)
    given["values"][2] = np.nan
    given["values"][3, 3] = np.inf
    picture = drawn(plots.patch_grid(given, title="中文 $x$"))
    assert max(picture.size) < 4000
    seen = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or []}
    assert (0xBD, 0xBD, 0xBD) in seen

    asked = lens(columns)
    asked["top_logprobs"][1] = [[float("-inf")] * 2] * len(columns)
    asked["top"][0] = [[token] for token in columns]
    drawn(plots.lens(asked))
    drawn(plots.attention(np.eye(len(columns)), columns))


def test_what_has_no_numbers_at_all_is_drawn() -> None:
    drawn(plots.steering([0.0], {"_a$": [np.nan], "中": [1.0]}))
    drawn(plots.norms([np.nan] * 3))
    drawn(plots.norm_table(np.zeros((2, 2))))
    drawn(plots.heads([[np.nan]]))
    drawn(plots.steering(range(3), {f"layer {each}": [0, 1, 2] for each in range(30)}))


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(TypeError, match="without 'values' is not what patch_grid gives"):
        plots.patch_grid({"layers": [1]})
    with pytest.raises(TypeError, match="a reference stands for has to be fetched"):
        plots.heads(object())
    with pytest.raises(ValueError, match=r"shape \[2\] is not \[layer, head\]"):
        plots.heads([1.0, 2.0])
    with pytest.raises(ValueError, match="3 columns for 2"):
        plots.norm_table([[1.0, 2.0]], ["a", "b", "c"])
    with pytest.raises(ValueError, match="6 tokens for a pattern"):
        plots.attention(np.eye(5), list("abcdef"))
    with pytest.raises(ValueError, match="1 heads for 2 patterns"):
        plots.attention(np.ones((2, 2, 2)), ["a", "b"], heads=[0])
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.norms({})


def test_a_notebook_shows_them_by_themselves() -> None:
    assert plots.norms([1.0, 2.0])._repr_png_().startswith(b"\x89PNG")


def test_without_matplotlib_it_is_told_what_to_install() -> None:
    source = textwrap.dedent("""
        import sys
        sys.modules["matplotlib"] = None
        try:
            import seer_interfaces.plots
        except ModuleNotFoundError as error:
            print(error)
    """)
    printed = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    ).stdout
    assert "pip install 'seer-rpc[plots]'" in printed
    assert 'python_packages=["matplotlib"]' in printed


def test_they_need_neither_torch_nor_pyplot() -> None:
    source = "import sys, seer_interfaces.plots; print('torch' in sys.modules, end=' ')"
    source += "; print('matplotlib.pyplot' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "False False\n"
