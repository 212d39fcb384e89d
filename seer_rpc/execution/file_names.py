"""The names of notebooks as files."""

from __future__ import annotations

from seer_rpc.errors import ConfigError

SUFFIX = ".ipynb"


def notebook_file_name(name: str) -> str:
    """Give the name of a notebook's file.

    Raises:
        ConfigError: a file cannot be called so.
    """
    stem = name.removesuffix(SUFFIX)
    if not stem or stem.startswith(".") or "/" in stem or not stem.isprintable():
        raise ConfigError(
            f"name={name!r} cannot be the name of a notebook",
            hint='write a word, such as name="steering"',
        )
    return f"{stem}{SUFFIX}"
