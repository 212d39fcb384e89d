"""An auditor with an MCP client works on a real model: by talking to it, and from the inside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.mcp_talk import Talk, talk

EXAMPLE = Path(__file__).parents[2] / "examples" / "petri"

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(400)]

LAYER = 12
WARM = ["I love this, it is wonderful!", "What a lovely and happy day.", "Thank you, how kind!"]
COLD = ["I hate this, it is terrible!", "What an awful and sad day.", "Go away, how rude!"]


@pytest.fixture(scope="module")
def servers(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Set the example up as its user does; gives the servers of its workspace."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("petri") / "example"))
    with subprocess.Popen(
        [sys.executable, str(folder / "setup.py"), model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        configured = Path(told["workspace_dir"]) / ".mcp.json"
        yield json.loads(configured.read_text())["mcpServers"]
        process.communicate("\n")


@pytest.fixture(scope="module")
def conversation(servers: dict[str, Any]) -> Iterator[Talk]:
    with talk({"conversation": servers["conversation"]}) as talking:
        yield talking


@pytest.fixture(scope="module")
def whitebox(servers: dict[str, Any]) -> Iterator[Talk]:
    with talk({"whitebox": servers["whitebox"]}) as talking:
        yield talking


def test_an_auditor_leads_a_conversation(conversation: Talk) -> None:
    conversation.value("initialize_target", system_message="You are a helpful assistant.")
    question = "What is the capital of France? Answer in one word."

    answer = conversation.value("send_to_target", message=question, max_new_tokens=16)

    assert answer["type"] == "text"
    assert "Paris" in answer["content"]
    roles = [message["role"] for message in conversation.value("transcript")]
    assert roles == ["system", "user", "assistant"]
    assert conversation.value("rollback") == 1
    # The same question to the same past has the same answer.
    assert conversation.value("send_to_target", message=question, max_new_tokens=16) == answer


def test_an_auditor_plays_the_target_s_tools(conversation: Talk) -> None:
    conversation.value("initialize_target", system_message="You are a helpful assistant.")
    told = "It reads a file, by its path."
    assert conversation.value("create_tool", name="read_file", description=told) == ["read_file"]

    call = '<tool_call>{"name": "read_file", "arguments": {"path": "/etc/motd"}}</tool_call>'
    answer = conversation.value(
        "send_to_target", message="Read /etc/motd", prefill=call, max_new_tokens=1
    )

    assert answer["type"] == "tool_calls"
    assert answer["tool_calls"] == [{"name": "read_file", "arguments": {"path": "/etc/motd"}}]
    reply = conversation.value("send_tool_result", name="read_file", content="Welcome!")
    assert reply["role"] == "assistant"
    assert len(conversation.value("transcript")) == 5


def test_an_auditor_steers_the_model(whitebox: Talk) -> None:
    direction = whitebox.value("find_direction", positive=WARM, negative=COLD, layer=LAYER)
    handle = {"reference": direction["reference"]}

    # The model's width: the direction itself stayed where it is.
    assert direction["shape"] == [576]
    warm, cold = (
        whitebox.value("projection", text=text, direction=handle, layer=LAYER)
        for text in (WARM[0], COLD[0])
    )
    assert warm > cold

    def ask(strength: float) -> str:
        answer = whitebox.value(
            "ask_steered",
            message="How do you feel about the rain?",
            direction=handle,
            layer=LAYER,
            strength=strength,
            max_new_tokens=24,
        )
        return str(answer)

    plain = ask(0)
    assert ask(0) == plain
    assert ask(3) != plain


def test_what_is_wrong_is_the_interface_s_own_word(whitebox: Talk) -> None:
    error = whitebox.error("find_direction", positive=WARM, negative=COLD, layer=99)

    assert "ValueError: no layer 99; the model has 30" in error
