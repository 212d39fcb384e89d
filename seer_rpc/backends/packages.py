"""Whether this interpreter has the packages that a sandbox needs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement

from seer_rpc.errors import PackageMissingError


def check_installed(requirements: Iterable[Requirement]) -> None:
    """Check that this interpreter, which local sandboxes share, has the packages.

    Raises:
        PackageMissingError: it lacks some; the message names them all.
    """
    missing = [str(requirement) for requirement in requirements if not _is_installed(requirement)]
    if missing:
        raise PackageMissingError(
            f"the sandbox would lack {', '.join(missing)}",
            hint=f"pip install {shlex.join(missing)}",
        )


def _is_installed(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    versions = [
        distribution.version for distribution in metadata.distributions(name=requirement.name)
    ]
    return any(requirement.specifier.contains(version, prereleases=True) for version in versions)
