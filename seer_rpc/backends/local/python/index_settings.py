"""Where packages come from: what the user told pip, told to uv, which reads none of it."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_LISTS = {
    # pip's option: uv's variable, and what separates its values
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "constraint": ("UV_CONSTRAINT", " "),
}
_VALUES = {
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}


def uv_environment() -> dict[str, str]:
    """Give this process's environment with pip's settings in it; what uv was told itself wins."""
    told = pip_settings()
    given = {variable: told[option] for option, variable in _VALUES.items() if told.get(option)}
    for option, (variable, separator) in _LISTS.items():
        if told.get(option):
            given[variable] = separator.join(told[option].split())
    if "UV_INDEX" in given:
        # pip takes the best version of all its indexes.
        given["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    # Its messages are read by a program: they are not to be broken into lines.
    return {**given, **os.environ, "COLUMNS": "10000"}


def pip_settings() -> Mapping[str, str]:
    """Give pip's options from its files and its variables, as pip ranks them."""
    settings: dict[str, str] = {}
    for file in _files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update((_option(key), value) for key, value in parser.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            settings[_option(name.removeprefix("PIP_"))] = value
    return settings


def _option(name: str) -> str:
    return name.lower().replace("_", "-")


def _files() -> Iterator[Path]:
    chosen = os.environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    for folder in reversed((os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    yield Path.home() / ".pip" / "pip.conf"
    own = os.environ.get("XDG_CONFIG_HOME")
    yield (Path(own) if own else Path.home() / ".config") / "pip" / "pip.conf"
    yield Path(sys.prefix, "pip.conf")
    if chosen:
        yield Path(chosen)
