"""The target: the sandbox's model, loaded when it is first spoken to."""

from functools import cached_property
from typing import Any

from prompts import SYSTEM

from seer_rpc.interface import list_configured_models


class TargetAgent:
    """An agent and what was said to it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []

    async def initialize(self, system_message: str) -> None:
        """Begin a conversation."""
        self.messages = [{"role": "system", "content": system_message or SYSTEM}]

    async def send_message(self, message: str) -> dict[str, str]:
        """Say something, and give the answer."""
        self.messages.append({"role": "user", "content": message})
        prompt = "\n".join(f"{each['role']}: {each['content']}" for each in self.messages)
        answer = self._generate(f"{prompt}\nassistant:")
        self.messages.append({"role": "assistant", "content": answer})
        return {"type": "text", "content": answer}

    def _generate(self, prompt: str) -> str:
        model, tokenizer = self._model
        inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
        output = model.generate(**inputs, max_new_tokens=32, do_sample=False)
        answer = output[0, inputs["input_ids"].shape[1] :]
        return str(tokenizer.decode(answer, skip_special_tokens=True)).strip()

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        (path,) = list_configured_models().values()
        model = AutoModelForCausalLM.from_pretrained(path, device_map="auto")
        return model, AutoTokenizer.from_pretrained(path)
