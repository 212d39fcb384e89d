"""Pattern 1: quickly test something on a model."""

import json
from functools import partial

from choices import choose

from seer_rpc.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

QUESTION = """
import torch

prompt = "The capital of France is"
inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
with torch.no_grad():
    probabilities = model(**inputs).logits[0, -1].softmax(-1)
best = probabilities.topk(5)
print(f"Behind {prompt!r} comes")
for probability, token in zip(best.values.tolist(), best.indices.tolist()):
    print(f"  {probability:6.1%}  {tokenizer.decode(token)!r}")
"""

chosen = choose(__doc__)
config = SandboxConfig(
    execution_mode=ExecutionMode.NOTEBOOK,
    gpu=chosen.gpu,
    models=[ModelConfig(name=chosen.model)],
    python_packages=["torch", "transformers", "accelerate"],
    secrets=["HF_TOKEN"] if chosen.full else [],
)
sandbox = Sandbox(config).start()
session = create_notebook_session(sandbox, Workspace(), keep=chosen.keep)
print(
    json.dumps({"session_id": session.session_id, "jupyter_url": session.jupyter_url}), flush=True
)

# -> attach and experiment
session.exec(QUESTION, on_text=partial(print, end="", flush=True))
if not chosen.keep:
    session.terminate()
