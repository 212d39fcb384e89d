"""Pattern 2: investigate a steering vector, at several layers and strengths, with a figure."""

import json
from functools import partial

from choices import choose

from seer_rpc.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

# -> steering and activation code written inline
INLINE = '''
import torch
from contextlib import contextmanager

@contextmanager
def steering_hook(model, layer_idx, vector, strength=1.0):
    """Add steering vector to residual stream at specified layer."""
    def hook(module, input, output):
        # output is (hidden_states, ...) tuple
        hidden = output[0]
        hidden[:, :, :] = hidden + strength * vector.to(hidden.device)
        return (hidden,) + output[1:]

    # Get the layer
    layer = model.model.layers[layer_idx]
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()

def get_layer_activations(model, tokenizer, text, layer):
    """Extract residual stream activations from a layer."""
    activations = []

    def hook(module, input, output):
        activations.append(output[0].detach())

    handle = model.model.layers[layer].register_forward_hook(hook)

    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    with torch.no_grad():
        model(**inputs)

    handle.remove()

    # Return last token's activation
    return activations[0][0, -1, :]
'''

SWEEP = """
GOOD = ["I love this film, it is", "What a lovely day, it is", "The best cake ever: it is"]
BAD = ["I hate this film, it is", "What an awful day, it is", "The worst cake ever: it is"]
PROMPTS = ["The hotel was", "My new phone is", "The soup was"]
WORDS = (" good", " bad")
STRENGTHS = [-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0]
good, bad = (tokenizer(each, add_special_tokens=False)["input_ids"][0] for each in WORDS)


def mean_activation(texts, layer):
    each = [get_layer_activations(model, tokenizer, text, layer) for text in texts]
    return torch.stack(each).mean(0)


def preference(prompt):
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    return float(logits[good] - logits[bad])


count = model.config.num_hidden_layers
layers = sorted({count // 4, count // 2, 3 * count // 4})
scores = {}
for layer in layers:
    vector = mean_activation(GOOD, layer) - mean_activation(BAD, layer)
    rows = []
    for strength in STRENGTHS:
        with steering_hook(model, layer_idx=layer, vector=vector, strength=strength):
            rows.append([preference(prompt) for prompt in PROMPTS])
    scores[f"layer {layer}"] = rows
    gain = sum(rows[-1]) - sum(rows[0])
    print(f"layer {layer}: from {STRENGTHS[0]:g} to {STRENGTHS[-1]:g} times the vector, "
          f"' good' gains {gain / len(PROMPTS):.2f} nats on ' bad'", flush=True)

from seer_interfaces import plots

figure = plots.steering(
    STRENGTHS, scores, label="logit of ' good' less that of ' bad'",
    unit="strength (times the mean difference)",
)
figure.savefig("/workspace/steering_sweep.png")
figure
"""

chosen = choose(__doc__)
config = SandboxConfig(
    gpu=chosen.gpu,
    execution_mode=ExecutionMode.NOTEBOOK,
    models=[ModelConfig(name=chosen.model)],
    python_packages=["torch", "transformers", "accelerate", "matplotlib"],
    secrets=["HF_TOKEN"] if chosen.full else [],
)
sandbox = Sandbox(config).start()
session = create_notebook_session(sandbox, Workspace(), keep=chosen.keep)
print(
    json.dumps({"session_id": session.session_id, "jupyter_url": session.jupyter_url}), flush=True
)

# -> attach, write steering/activation code inline, test steering
session.exec(INLINE)
session.exec(SWEEP, on_text=partial(print, end="", flush=True))
chosen.figures.mkdir(parents=True, exist_ok=True)
print(f"The figure is {sandbox.download('/workspace/steering_sweep.png', chosen.figures)}")
if not chosen.keep:
    session.terminate()
