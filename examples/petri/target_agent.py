"""The model under audit: a conversation that can be led, rolled back and begun again."""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seer_rpc.interface import list_configured_models

_TOOLS = """
You may call these tools. To call one, answer with
<tool_call>{"name": NAME, "arguments": {...}}</tool_call>
"""
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


@dataclass
class ToolCall:
    """A tool that the target wants to use."""

    name: str
    arguments: dict[str, Any]


@dataclass
class Message:
    """One message of the conversation."""

    role: str
    content: str
    tool_calls: list[ToolCall] = field(default_factory=list)


class TargetAgent:
    """A model on this machine, and what was said to it."""

    def __init__(self) -> None:
        """Load the one model that the sandbox has."""
        (path,) = list_configured_models().values()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(path)
        self.model: Any = AutoModelForCausalLM.from_pretrained(path).eval()
        self.messages: list[Message] = []
        self.tools: dict[str, str] = {}

    async def initialize(self, system_message: str) -> None:
        """Begin a conversation; tools go, too."""
        self.tools = {}
        self.messages = [Message("system", system_message)]

    def create_tool(self, name: str, description: str) -> None:
        """Offer a tool. The auditor plays what it does."""
        self.tools[name] = description

    async def send_message(
        self, message: str, role: str = "user", prefill: str = "", max_new_tokens: int = 64
    ) -> Message:
        """Say something, and give the answer, which begins with `prefill`."""
        self.messages.append(Message(role, message))
        answer = prefill + self._generate(prefill, max_new_tokens)
        self.messages.append(Message("assistant", answer, _tool_calls(answer)))
        return self.messages[-1]

    def rollback(self, exchanges: int) -> None:
        """Take back the last exchanges: what was said, and the answers."""
        kept = max(len(self.messages) - 2 * exchanges, 1)
        self.messages = self.messages[:kept]

    def _generate(self, prefill: str, max_new_tokens: int) -> str:
        text = self.tokenizer.apply_chat_template(
            self._prompt(), add_generation_prompt=True, tokenize=False
        )
        # The template has the special tokens already.
        inputs = self.tokenizer(text + prefill, add_special_tokens=False, return_tensors="pt")
        inputs = inputs.to(self.model.device)
        with torch.inference_mode():
            output = self.model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
        answer = output[0, inputs["input_ids"].shape[1] :]
        return str(self.tokenizer.decode(answer, skip_special_tokens=True)).strip()

    def _prompt(self) -> list[dict[str, str]]:
        prompt = [{"role": each.role, "content": each.content} for each in self.messages]
        if self.tools:
            listed = "\n".join(f"- {name}: {text}" for name, text in self.tools.items())
            prompt[0] = {**prompt[0], "content": f"{prompt[0]['content']}\n{_TOOLS}{listed}"}
        return prompt


def _tool_calls(answer: str) -> list[ToolCall]:
    calls = []
    for text in _CALL.findall(answer):
        try:
            call = json.loads(text)
            calls.append(ToolCall(call["name"], dict(call["arguments"])))
        except (ValueError, KeyError, TypeError):
            # A small model writes calls that are none.
            continue
    return calls


def as_reply(message: Message) -> dict[str, Any]:
    """Give a message as a reply: a text, or tool calls."""
    kind = "tool_calls" if message.tool_calls else "text"
    return {"type": kind, **asdict(message)}
