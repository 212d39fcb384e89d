"""Lead a conversation with a target."""

import asyncio
from typing import Optional

# Import other local files (they're all in /root/ in the sandbox)
from target_agent import TargetAgent

from seer_rpc.interface import expose

_target: Optional[TargetAgent] = None  # noqa: UP045 - as the guide writes it


def get_target() -> TargetAgent:
    """Get or create singleton target."""
    global _target
    if _target is None:
        _target = TargetAgent()
    return _target


@expose
def initialize_target(system_message: str = "") -> str:
    """Initialize target with system prompt; without one, with its own."""
    asyncio.run(get_target().initialize(system_message))
    return "Target initialized"


@expose
def send_to_target(message: str) -> dict:
    """Send message to target and get response."""
    response = asyncio.run(get_target().send_message(message))
    return {
        "type": response["type"],
        "content": response.get("content", ""),
        "tool_calls": response.get("tool_calls", []),
    }


@expose
def transcript() -> list[dict[str, str]]:
    """Give everything that was said."""
    return get_target().messages.copy()
