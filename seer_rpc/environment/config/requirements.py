"""Python packages as they are written in a config."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement

from seer_rpc import parsing
from seer_rpc.errors import ConfigError
from seer_rpc.redaction import without_credentials


def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        ConfigError: it is none.
    """
    try:
        return parsing.parse_requirement(text)
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise ConfigError(
            f"python_packages: {without_credentials(text)!r} is no requirement: "
            f"{without_credentials(problem)}",
            hint='write "name" or "name==version"; where packages come from, pip.conf says',
        ) from None
