"""Keep secrets out of what is shown."""

from __future__ import annotations

import re

HIDDEN = "[secret]"
"""What stands in the place of what is not to be known."""

_TOKENS = re.compile(r"(?<=[?&]token=)[^&\s'\"\\)\]}>]+")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def without_credentials(text: str) -> str:
    """Take names and passwords out of the URLs in a text."""
    return _CREDENTIALS.sub("", text)


def without_tokens(text: str) -> str:
    """Take what lets in out of the URLs of notebooks in a text."""
    return _TOKENS.sub(HIDDEN, text)


def tokens_in(text: str) -> list[str]:
    """Give what lets in of the URLs of notebooks in a text."""
    return _TOKENS.findall(text)
