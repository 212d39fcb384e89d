"""Basic steering vectors experiment: set up, and do what an agent would do by execute_code()."""

import asyncio
import json
from functools import partial

from choices import choose

from seer_rpc.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

EXPERIMENT = """
import torch
from steering_hook import create_steering_hook

# Model is already loaded
print(f"Model: {type(model).__name__} on {model.device}")

# Extract steering vector from contrast pair
from extract_activations import get_layer_activations

positive_text = "I strongly agree with your perspective."
negative_text = "I disagree with your perspective."

layer = 2 * model.config.num_hidden_layers // 3
pos_acts = get_layer_activations(model, tokenizer, positive_text, layer=layer)
neg_acts = get_layer_activations(model, tokenizer, negative_text, layer=layer)

steering_vector = pos_acts - neg_acts
share = float(steering_vector.norm() / pos_acts.norm())
print(f"The vector behind layer {layer} is {share:.0%} as long as the activation")

# Test steering
test_prompt = "What do you think about this idea?"
inputs = tokenizer(test_prompt, return_tensors="pt").to(model.device)

for strength in (0.0, 2.0, -2.0):
    # Generate with steering
    with create_steering_hook(model, layer_idx=layer, vector=steering_vector, strength=strength):
        outputs = model.generate(
            **inputs, max_new_tokens=24, do_sample=False, pad_token_id=tokenizer.eos_token_id
        )
    response = tokenizer.decode(outputs[0], skip_special_tokens=True)
    print(f"Steered response, strength {strength:+}: {response!r}", flush=True)
"""


async def main():
    """Set up, print how to connect as JSON, then experiment."""
    chosen = choose(__doc__)

    # Configure sandbox
    config = SandboxConfig(
        execution_mode=ExecutionMode.NOTEBOOK,
        gpu=chosen.gpu,
        models=[ModelConfig(name=chosen.model)],
        python_packages=["torch", "transformers", "accelerate", "matplotlib", "numpy"],
        secrets=["HF_TOKEN"] if chosen.full else [],
    )

    # Start sandbox (takes ~5min first time, <1min after)
    sandbox = Sandbox(config).start()

    # Create notebook session
    session = create_notebook_session(sandbox, Workspace(), keep=chosen.keep)

    # Output connection info: with these two values an agent attaches
    print(
        json.dumps(
            {
                "session_id": session.session_id,
                "jupyter_url": session.jupyter_url,
                "model_info": session.model_info_text,
            }
        ),
        flush=True,
    )

    # Then execute experiments
    session.exec(EXPERIMENT, on_text=partial(print, end="", flush=True))
    if not chosen.keep:
        session.terminate()


if __name__ == "__main__":
    asyncio.run(main())
