"""Modal's client: whether it is here, in a version that is known, with credentials."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from seer_rpc.errors import BackendCredentialsError, BackendVersionError

_SUPPORTED = SpecifierSet(">=1.6.4,<1.7")
_INSTALL = "pip install 'seer-rpc[modal]'"
_CREDENTIALS = ("token_id", "token_secret")


def check_client() -> None:
    """Check that Modal can be used from here.

    Raises:
        BackendVersionError: the client is not installed, or in a version that is not supported.
        BackendCredentialsError: there are no credentials.
    """
    try:
        version = metadata.version("modal")
    except metadata.PackageNotFoundError:
        raise BackendVersionError(
            "sandboxes on Modal need its client, which is not installed here", hint=_INSTALL
        ) from None
    if not _SUPPORTED.contains(version, prereleases=True):
        raise BackendVersionError(
            f"version {version} of Modal's client is not supported: it is to be {_SUPPORTED}",
            hint=_INSTALL,
        )
    if not has_credentials():
        raise BackendCredentialsError(
            f"there are no credentials for Modal: neither MODAL_TOKEN_ID and MODAL_TOKEN_SECRET "
            f"are set, nor does {_file()} have a token",
            hint="run `modal token new`, or set both variables",
        )


def has_credentials() -> bool:
    """Tell whether the client finds credentials, in variables or in its file."""
    profile = _profile()
    return all(
        os.environ.get(f"MODAL_{name.upper()}") or profile.get(name) for name in _CREDENTIALS
    )


def _profile() -> Mapping[str, Any]:
    """Give the part of the file that counts; nothing where there is none."""
    try:
        profiles = tomllib.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    tables = {name: table for name, table in profiles.items() if isinstance(table, dict)}
    active = next((name for name, table in tables.items() if table.get("active")), "default")
    return tables.get(os.environ.get("MODAL_PROFILE") or active, {})


def _file() -> Path:
    return Path(os.environ.get("MODAL_CONFIG_PATH") or Path.home() / ".modal.toml").expanduser()
