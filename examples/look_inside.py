"""Look inside a model by the ready-made interfaces, from local code, and save figures.

Who gets the drink? Each step says in plain words what was found, and leaves a figure.
"""

import tempfile
from pathlib import Path

import numpy as np
from choices import choose

import seer_interfaces
from seer_interfaces import plots
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

WORKBENCH = Path(seer_interfaces.__file__).with_name("workbench.py")
MARY = "When Mary and John went to the store, John gave a drink to"
JOHN = "When Mary and John went to the store, Mary gave a drink to"


def main() -> None:
    """Serve, call, draw."""
    chosen = choose(__doc__)
    config = SandboxConfig(
        gpu=chosen.gpu,
        models=[ModelConfig(name=chosen.model)],
        secrets=["HF_TOKEN"] if chosen.full else [],
    )
    with ScopedSandbox(config) as scoped, tempfile.TemporaryDirectory() as folder:
        library = scoped.serve(WORKBENCH, expose_as="library", name="workbench")
        create_local_session(Workspace(libraries=[library]), folder, name="look-inside")
        for name, figure in look_inside():
            chosen.figures.mkdir(parents=True, exist_ok=True)
            figure.savefig(chosen.figures / f"{name}.png")
            print(f"  figure: {chosen.figures / name}.png", flush=True)


def look_inside():
    """Yield figures by their names."""
    # Only now it can be imported.
    import workbench

    depth = workbench.info().layers
    tokens = workbench.tokenize(MARY)[0].texts

    print("1. What would each layer say? (logit lens)")
    lens = workbench.logit_lens(MARY, targets=[" Mary", " John"])
    gap = np.asarray(lens.target_logprobs[:, -1, 0] - lens.target_logprobs[:, -1, 1])
    behind = np.flatnonzero(gap <= 0)
    print(f"  ' Mary' is ahead of ' John' for good from layer {behind.max(initial=-1) + 1} on")
    yield "lens", plots.lens(lens, title="Logit lens")
    yield "lens_curves", plots.lens_curves(lens, [" Mary", " John"])

    print("2. Where does the answer come from? (activation patching)")
    some = list(range(0, depth, max(depth // 6, 1)))
    grid = workbench.patch_grid(MARY, JOHN, " Mary", " John", layers=some)
    for layer, row in zip(grid.layers, np.asarray(grid.values), strict=True):
        best = int(row.argmax())
        print(f"  layer {layer}: {row[best]:.0%} of it at token {best}, {grid.columns[best]!r}")
    yield "patch_grid", plots.patch_grid(grid, title="Residual stream, patched")

    print("3. Which heads bring it there? (attribution patching)")
    heads = workbench.attribution_grid(MARY, JOHN, " Mary", " John", site="z", by="head")
    values = np.asarray(heads.values)
    layer, head = np.unravel_index(values.argmax(), values.shape)
    print(f"  most of all head {head} of layer {layer}: about {values.max():.0%} of it")
    yield "heads", plots.patch_grid(heads, title="Heads, estimated")

    pattern = np.asarray(workbench.attention([MARY], layers=[int(layer)], heads=[int(head)]))[0, 0]
    target = int(pattern[0, -1].argmax())
    print(f"  from the last token it looks at token {target}, {tokens[target]!r}")
    title = f"Layer {layer}"
    yield "attention", plots.attention(pattern, tokens, heads=[int(head)], title=title)

    print("4. What would turn the answer? (a steering vector)")
    at, strengths = some[-1], [-1.5, -1.0, -0.5, 0.0, 0.5]
    # The direction stays in the sandbox: what comes here is a reference.
    direction = workbench.mean_difference([MARY], [JOHN], layers=at).direction
    scores = [preference(workbench, direction, at, each) for each in strengths]
    turned = [each for each, score in zip(strengths, scores, strict=True) if score < 0]
    print(f"  at layer {at}, strength {max(turned)}" if turned else "  none of these strengths")
    label = "log P(' Mary') less log P(' John') (nats)"
    unit = f"strength of the difference, last token of layer {at}"
    yield "steering", plots.steering(strengths, scores, label=label, unit=unit)

    print("5. How long are activations?")
    stream = np.asarray(workbench.extract(MARY, positions="all"))[:, 0]
    lengths = np.linalg.norm(stream, axis=-1)
    print(f"  the first token's is {lengths[:, 0].max() / np.median(lengths):.0f} times the median")
    yield "norm_table", plots.norm_table(lengths, tokens)
    difference = workbench.mean_difference([MARY], [JOHN])
    curves = {"activations": difference.activation_norms, "difference": difference.norms}
    yield "norms", plots.norms(curves, label="norm")


def preference(workbench, direction, layer, strength):
    """Give how much ' Mary' is preferred while the last token is steered."""
    change = workbench.Intervention(
        op="add", layers=[layer], positions="last", value=direction, strength=strength
    )
    (after,) = workbench.logprobs(MARY, targets=[" Mary", " John"], interventions=[change])
    return after.targets[0] - after.targets[1]


if __name__ == "__main__":
    main()
