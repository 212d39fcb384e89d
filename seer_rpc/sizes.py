"""Numbers of bytes as people read them."""

from __future__ import annotations


def show_size(size: float) -> str:
    """Give a number of bytes in words."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
