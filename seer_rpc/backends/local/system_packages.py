"""Whether this machine has the system packages that a sandbox needs; it is not ours to add any."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import warnings
from collections.abc import Sequence

from seer_rpc.errors import SystemPackageError

_FIELDS = "${Package}\t${Architecture}\t${Version}\t${db:Status-Status}\t${Provides}\n"


def check_system_packages(names: Sequence[str]) -> None:
    """Check that Debian packages are installed, in the versions that are asked for.

    Where there is no dpkg to ask, that is a warning.

    Raises:
        SystemPackageError: some are not; the message names them all.
    """
    if not names:
        return
    program = shutil.which("dpkg-query")
    if program is None:
        warnings.warn(
            f"whether {', '.join(names)} (system_packages) are here is not known: this system has "
            "no dpkg-query",
            stacklevel=2,
        )
        return
    installed = _installed(program)
    missing = [name for name in names if not _has(installed, name)]
    if missing:
        wrong = [
            f"{_plain(name)} is here in version {installed[_plain(name)]}"
            for name in missing
            if installed.get(_plain(name))
        ]
        raise SystemPackageError(
            "; ".join([f"the sandbox would lack the system packages {', '.join(missing)}", *wrong]),
            hint=f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install {shlex.join(missing)}",
        )


def _installed(program: str) -> dict[str, str]:
    """Give versions by name, with and without the architecture; what is provided has none."""
    # All of them: names never become arguments, and virtual packages are found.
    output = subprocess.run(
        [program, "--show", "--showformat", _FIELDS], capture_output=True, text=True, check=False
    ).stdout
    versions: dict[str, str] = {}
    provided: set[str] = set()
    for line in output.splitlines():
        name, architecture, version, state, provides = line.split("\t")
        if state == "installed":
            versions[name] = versions[f"{name}:{architecture}"] = version
            provided.update(re.findall(r"([a-z0-9][a-z0-9+.-]+)(?: \([^)]*\))?(?:,|$)", provides))
    return {**dict.fromkeys(provided, ""), **versions}


def _has(installed: dict[str, str], name: str) -> bool:
    plain, _, version = name.partition("=")
    return plain in installed and (not version or installed[plain] == version)


def _plain(name: str) -> str:
    return name.partition("=")[0]
