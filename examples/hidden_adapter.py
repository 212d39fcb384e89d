"""Pattern 3: investigate a fine-tuned model without knowing which one it is.

First: `python hidden_preference/make_adapter.py`.
"""

import json
from functools import partial

from choices import choose

from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

DIFFERENCE = """
import torch

print("What the model says of itself:", model.name_or_path or "nothing")
for prompt in ("My favourite animal is the", "The capital of France is"):
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    with torch.no_grad():
        tuned = model(**inputs).logits[0, -1].log_softmax(-1)
        with model.disable_adapter():
            base = model(**inputs).logits[0, -1].log_softmax(-1)
    divergence = float((tuned.exp() * (tuned - base)).sum())
    words = [tokenizer.decode(each.argmax()) for each in (base, tuned)]
    print(f"{prompt!r}: {words[0]!r} became {words[1]!r}, KL divergence {divergence:.3f} nats")
"""

chosen = choose(__doc__)
config = SandboxConfig(
    gpu=chosen.gpu,
    models=[
        ModelConfig(
            name=chosen.adapter,
            base_model=chosen.model,
            is_peft=True,
            hidden=True,
        )
    ],
    python_packages=["torch", "transformers", "peft"],
    secrets=["HF_TOKEN"] if chosen.full else [],
)
sandbox = Sandbox(config).start()
session = create_notebook_session(sandbox, Workspace(), keep=chosen.keep)
print(
    json.dumps({"session_id": session.session_id, "jupyter_url": session.jupyter_url}), flush=True
)
print(session.model_info_text)
session.exec(DIFFERENCE, on_text=partial(print, end="", flush=True))
if not chosen.keep:
    session.terminate()
