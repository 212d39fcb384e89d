"""Figures of what the ready-made interfaces give, good enough for a paper.

    from seer_interfaces import plots

    plots.lens(logit_lens("The capital of France is")).savefig("lens.png")

They take results as they come: from a generated library (tensors, arrays or lists in them), in a
kernel or an interface, or as JSON of a skill. Each function gives a figure of matplotlib, which is
not known to pyplot: nothing has to be closed, and a notebook shows it where a cell ends with it.

What is not a number is grey. Colours can be told apart by the colour-blind, and in print.
"""

try:
    import matplotlib as mpl  # noqa: F401 - whether it is here, said before anything runs
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "plots are drawn by matplotlib, which is not here: pip install 'seer-rpc[plots]', "
        'in a sandbox SandboxConfig(python_packages=["matplotlib"])',
        name=error.name,
    ) from None

from seer_interfaces.plots.curves import lens_curves, norms, steering
from seer_interfaces.plots.figures import Plot
from seer_interfaces.plots.patterns import attention
from seer_interfaces.plots.tables import heads, lens, norm_table, patch_grid

__all__ = [
    "Plot",
    "attention",
    "heads",
    "lens",
    "lens_curves",
    "norm_table",
    "norms",
    "patch_grid",
    "steering",
]
