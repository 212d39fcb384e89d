"""The interface files of the specification, as they are written but for the model's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.errors import RemoteError

INTERFACES = Path(__file__).parent / "interfaces"
Open: TypeAlias = Callable[[str], Session]

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(400)]


@pytest.fixture
def open_interface(model: str, tmp_path: Path) -> Iterator[Open]:
    """Serve an interface's source around the packaged language model; open a session."""
    sessions = []
    with ScopedSandbox(SandboxConfig(models=[ModelConfig(name=model)])) as scoped:

        def open_one(source: str) -> Session:
            file = tmp_path / "interface.py"
            for name in ("google/gemma-2-9b-it", "google/gemma-2-9b"):
                source = source.replace(name, model)
            file.write_text(source)
            sessions.append(Session(scoped.connection(scoped.serve(file).name)))
            return sessions[-1]

        yield open_one
        for session in sessions:
            session.close()


def test_the_basic_interface_answers_and_reports_its_own_mistake(open_interface: Open) -> None:
    source = (INTERFACES / "basic.py").read_text()
    session = open_interface(source)

    info = session.call("get_model_info", [], {})
    with pytest.raises(RemoteError) as raised:
        session.call("analyze_text", ["The cat sat."], {})

    assert info == {
        "num_layers": 30,
        "hidden_size": 576,
        "vocab_size": 49152,
        "device": "cpu",
    }
    # An AutoModel has no logits.
    assert isinstance(raised.value, AttributeError)
    assert "logits" in raised.value.message
    line = source.splitlines().index('        "logits_shape": list(outputs.logits.shape),') + 1
    assert f'interface.py", line {line}, in analyze_text' in raised.value.remote_traceback
    assert '"logits_shape": list(outputs.logits.shape)' in raised.value.remote_traceback


def test_the_basic_interface_answers_once_its_class_is_corrected(open_interface: Open) -> None:
    source = (INTERFACES / "basic.py").read_text()
    session = open_interface(source.replace("AutoModel", "AutoModelForCausalLM"))

    result = session.call("analyze_text", ["The cat sat."], {})

    tokens = result["num_tokens"]
    assert result == {
        "text": "The cat sat.",
        "num_tokens": tokens,
        "logits_shape": [1, tokens, 49152],
    }


def test_the_stateful_interface_keeps_its_history_over_calls(open_interface: Open) -> None:
    session = open_interface((INTERFACES / "stateful.py").read_text())

    first = session.call("send_message", ["Hello, who are you?"], {"max_tokens": 12})
    second = session.call("send_message", ["Say it again."], {"max_tokens": 12})
    history = session.call("get_history", [], {})
    reset = session.call("reset_conversation", [], {})

    assert (first["history_length"], second["history_length"]) == (2, 4)
    assert [turn["role"] for turn in history] == ["user", "assistant", "user", "assistant"]
    assert history[0]["content"] == "Hello, who are you?"
    assert history[3]["content"] == second["response"]
    assert reset == "Conversation reset"
    assert session.call("get_history", [], {}) == []
