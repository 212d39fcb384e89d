"""Keep secrets out of what is shown."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def without_credentials(text: str) -> str:
    """Take names and passwords out of the URLs in a text."""
    return _CREDENTIALS.sub("", text)
