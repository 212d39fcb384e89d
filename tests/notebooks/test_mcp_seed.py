"""The specification's own flow: a set-up script, its JSON, and an agent that goes on from there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import Sandbox
from seer_rpc.registry import running_sandboxes
from tests.integration.mcp_talk import Talk, talk, text_of
from tests.notebooks.mcp_servers import over_stdio
from tests.notebooks.seed_snippets import CONTRAST_PAIR
from tests.notebooks.setup_scripts import printed_by

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(400)]

SETUP = """
\"\"\"Basic steering vectors experiment.\"\"\"

import asyncio
from pathlib import Path
from seer_rpc.environment import Sandbox, SandboxConfig, ExecutionMode, ModelConfig
from seer_rpc.workspace import Workspace, Library
from seer_rpc.execution import create_notebook_session
import json

async def main():
    # Configure sandbox
    config = SandboxConfig(
        execution_mode=ExecutionMode.NOTEBOOK,
        models=[ModelConfig(name={model!r})],
        python_packages=["torch", "transformers", "accelerate", "matplotlib", "numpy"],
        secrets=["HF_TOKEN", "OPENAI_API_KEY"],
    )

    # Start sandbox (takes ~5min first time, <1min after)
    sandbox = Sandbox(config).start()

    # Create notebook session
    workspace = Workspace(
        libraries=[
            Library.from_file("my_helpers.py"),  # Your custom helper files
        ]
    )

    session = create_notebook_session(sandbox, workspace)

    # Output connection info
    print(json.dumps({{
        "session_id": session.session_id,
        "jupyter_url": session.jupyter_url,
        "model_info": session.model_info_text,
    }}))

if __name__ == "__main__":
    asyncio.run(main())
"""
HELPERS = """
def analyze(model, tokenizer, text):
    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    return {"tokens": inputs.input_ids.shape[1], "layers": len(model.model.layers)}
"""

MODELS_ARE_LOADED = """
import torch

# Models are ALREADY loaded - just use them!
print(f"Model device: {model.device}")
print(f"Model type: {type(model).__name__}")

# Use directly
inputs = tokenizer("Hello world", return_tensors="pt").to(model.device)
outputs = model(**inputs)
print(f"Logits shape: {outputs.logits.shape}")
"""
LIBRARY = """
import my_helpers

# Use your library
result = my_helpers.analyze(model, tokenizer, "test input")
"""
SECRETS = """
import os
hf_token = os.environ.get("HF_TOKEN")
openai_key = os.environ.get("OPENAI_API_KEY")
"""
HYPOTHESIS = """
## Hypothesis 1: Model has strong helpfulness steering vector

Testing by:
1. Extracting contrast pair activations
2. Computing difference vector
3. Applying with varying strengths
"""


@pytest.fixture
def printed(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What the script prints; its sandbox is ended afterwards."""
    monkeypatch.setenv("HF_TOKEN", "hf-whispered")
    monkeypatch.setenv("OPENAI_API_KEY", "openai-whispered")
    (tmp_path / "setup.py").write_text(SETUP.format(model=model))
    (tmp_path / "my_helpers.py").write_text(HELPERS)
    with printed_by(tmp_path / "setup.py") as printed:
        yield printed


def test_an_agent_goes_on_where_the_script_ended(
    printed: dict[str, Any], model: str, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    with talk(over_stdio(tmp_path / "notebooks")) as agent:
        told = agent.call(
            "attach_to_session",
            session_id=printed["session_id"],
            jupyter_url=printed["jupyter_url"],
        )
        assert printed["model_info"] in text_of(told)
        assert "- Type: LlamaForCausalLM" in text_of(told)
        assert told.structured_content is not None

        def run(code: str) -> str:
            return finished(agent, printed["session_id"], code)

        assert "Model type: LlamaForCausalLM\nLogits shape: torch.Size([1, 2, 49152])" in run(
            MODELS_ARE_LOADED
        )
        run(LIBRARY)
        assert run("result").endswith("{'tokens': 2, 'layers': 30}")
        steered = run(CONTRAST_PAIR)
        assert "Steered response: What do you think about this idea?" in steered
        run(SECRETS)
        assert run("hf_token, openai_key").endswith("('hf-whispered', 'openai-whispered')")
        agent.value("add_markdown", session_id=printed["session_id"], content=HYPOTHESIS)

        sources = [
            MODELS_ARE_LOADED,
            LIBRARY,
            "result",
            CONTRAST_PAIR,
            SECRETS,
            "hf_token, openai_key",
        ]
        file = Path(told.structured_content["notebook_file"])
        wait_until(lambda: "Hypothesis 1" in file.read_text())
    # The client and its server are gone; the script's sandbox is not, and has the same notebook.
    inside = Sandbox.from_id(running_sandboxes()[0].id).read_file(
        told.structured_content["notebook_path"]
    )
    for text in (inside, file.read_text()):
        cells = json.loads(text)["cells"]
        assert [each["source"] for each in cells] == [*sources, HYPOTHESIS]
        assert "Steered response" in cells[3]["outputs"][-1]["text"]
        assert "token=" not in text


def finished(agent: Talk, session_id: str, code: str) -> str:
    """Run code as an agent does, and wait for its end."""
    deadline = time.monotonic() + 300
    result = agent.call("execute_code", session_id=session_id, code=code)
    while not result.is_error and (result.structured_content or {})["status"] != "done":
        assert time.monotonic() < deadline
        execution = (result.structured_content or {})["execution_id"]
        result = agent.call("get_output", session_id=session_id, execution_id=execution)
    assert not result.is_error, text_of(result)
    return text_of(result)
