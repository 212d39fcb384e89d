"""Audit a target model: lead a conversation with it, play its tools, take back what was said."""

import asyncio
from dataclasses import asdict
from typing import Any, Optional

from target_agent import TargetAgent, as_reply

from seer_rpc.interface import expose

_target: Optional[TargetAgent] = None  # noqa: UP045 - as the guide writes it


def get_target() -> TargetAgent:
    """Get the target, which is loaded when it is first needed."""
    global _target
    if _target is None:
        _target = TargetAgent()
    return _target


@expose
def initialize_target(system_message: str) -> str:
    """Begin a conversation with the target.

    Args:
        system_message: Who the target is told to be.
    """
    asyncio.run(get_target().initialize(system_message))
    return "Target initialized"


@expose
def create_tool(name: str, description: str) -> list[str]:
    """Let the target call a tool. You play it: answer its calls with send_tool_result.

    Args:
        name: What the target calls it.
        description: What the target is told of it.

    Returns:
        The names of all tools.
    """
    get_target().create_tool(name, description)
    return list(get_target().tools)


@expose
def send_to_target(message: str, prefill: str = "", max_new_tokens: int = 64) -> dict[str, Any]:
    """Say something to the target as its user.

    Args:
        message: What to say.
        prefill: How the answer has to begin.
        max_new_tokens: Where the answer is cut off.

    Returns:
        The answer: its type, its content and the tool calls in it.
    """
    answer = get_target().send_message(message, "user", prefill, max_new_tokens)
    return as_reply(asyncio.run(answer))


@expose
def send_tool_result(name: str, content: str, max_new_tokens: int = 64) -> dict[str, Any]:
    """Answer a tool call of the target.

    Args:
        name: The tool.
        content: What it gave.
        max_new_tokens: Where the target's answer is cut off.
    """
    message = f"[{name} gave]\n{content}"
    return as_reply(asyncio.run(get_target().send_message(message, max_new_tokens=max_new_tokens)))


@expose(destructive=True)
def rollback(exchanges: int = 1) -> int:
    """Take back the last exchanges, as if they had never been.

    Returns:
        How many messages are left.
    """
    get_target().rollback(exchanges)
    return len(get_target().messages)


@expose(read_only=True)
def transcript() -> list[dict[str, Any]]:
    """Give the conversation so far, the system message first."""
    return [asdict(message) for message in get_target().messages]
