"""What the conformance suite of MCP calls, by the names that it calls."""

import base64
import logging
import time
from dataclasses import dataclass
from typing import Any

from seer_rpc.interface import Media, expose, progress

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_WAV = b"RIFF&\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0D\xac\0\0\x88X\1\0\2\0\x10\0data\2\0\0\0\0\0"


@dataclass
class Address:
    """Where somebody lives."""

    street: str = ""
    city: str = ""


@expose(read_only=True)
def test_simple_text() -> str:
    """Give a text."""
    return "This is a simple text response for testing."


@expose(read_only=True)
def test_image_content() -> Media:
    """Give an image."""
    return Media(_PNG, "image/png")


@expose(read_only=True)
def test_audio_content() -> Media:
    """Give a sound."""
    return Media(_WAV, "audio/wav")


@expose(read_only=True)
def test_embedded_resource() -> Media:
    """Give a document."""
    return Media(b"This is an embedded resource content.", "text/plain")


@expose(read_only=True)
def test_multiple_content_types() -> list[Any]:
    """Give a text, an image and a document."""
    document = Media(b'{"test":"data","value":123}', "application/json")
    return ["Multiple content types test:", Media(_PNG, "image/png"), document]


@expose(read_only=True)
def test_error_handling() -> str:
    """Fail."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@expose(read_only=True)
def test_tool_with_progress() -> str:
    """Tell how far it is."""
    for done in (0, 50, 100):
        progress(done, 100)
        time.sleep(0.05)
    return "Progress test complete."


@expose(read_only=True)
def test_streaming_elicitation() -> str:
    """Work for a while, and ask nobody anything."""
    for done in (1, 2, 3):
        progress(done, 3, "working")
        time.sleep(0.05)
    return "done"


@expose(read_only=True)
def test_logging_tool() -> str:
    """Log something, which goes to the sandbox's log."""
    logging.warning("logged")
    return "done"


@expose(read_only=True)
def json_schema_2020_12_tool(name: str = "", address: Address | None = None) -> str:
    """Take a nested value."""
    return f"{name} {address}"
