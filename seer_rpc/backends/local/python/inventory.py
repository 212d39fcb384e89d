"""Which packages there are in some folders, and whether they are enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from seer_rpc.parsing import parse_requirement

_DIRECTORY = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(-py[\d.]+)?\.(dist|egg)-info")


@dataclass(frozen=True)
class Distribution:
    """An installed package."""

    name: str
    version: str
    metadata: Path

    def requirements(self) -> list[Requirement]:
        """Give what it needs; a line that nobody can read counts as none."""
        try:
            headers = HeaderParser().parsestr(
                self.metadata.read_text(encoding="utf-8", errors="replace")
            )
        except OSError:
            return []
        return list(filter(None, map(_parse, headers.get_all("Requires-Dist", []))))


Inventory = Mapping[str, Distribution]
"""Packages by their canonical names."""


def inventory(folders: Iterable[Path]) -> Inventory:
    """List the packages in folders, of which the first ones win."""
    found: dict[str, Distribution] = {}
    for folder in folders:
        for path in folder.glob("*-info"):
            if match := _DIRECTORY.fullmatch(path.name):
                name = canonicalize_name(match["name"])
                metadata = path / ("METADATA" if match[4] == "dist" else "PKG-INFO")
                found.setdefault(
                    name,
                    Distribution(name, match["version"], metadata if path.is_dir() else path),
                )
    return found


@dataclass
class Closure:
    """What requirements come to, those of what they name included."""

    relied_on: dict[str, str] = field(default_factory=dict)
    """Versions, by name."""

    unmet: list[str] = field(default_factory=list)


def closure(requirements: Iterable[Requirement], installed: Inventory) -> Closure:
    """Follow requirements through what is installed."""
    found = Closure()
    seen: set[tuple[str, str]] = set()
    waiting = [each for each in requirements if _applies(each, "")]
    while waiting:
        requirement = waiting.pop()
        distribution = installed.get(canonicalize_name(requirement.name))
        if distribution is None or not is_met(requirement, distribution):
            found.unmet.append(str(requirement))
            continue
        found.relied_on[distribution.name] = distribution.version
        for extra in ("", *requirement.extras):
            if (distribution.name, extra) not in seen:
                seen.add((distribution.name, extra))
                needs = distribution.requirements()
                waiting += [each for each in needs if _applies(each, extra)]
    return found


def is_met(requirement: Requirement, distribution: Distribution) -> bool:
    """Tell whether a package is what is required; one from a URL is never known to be."""
    if requirement.url is not None:
        return False
    try:
        return requirement.specifier.contains(distribution.version, prereleases=True)
    except InvalidVersion:
        return False


def broken_by(changed: Inventory, installed: Inventory) -> list[str]:
    """Say which installed packages do not go with the ones that are to shadow others."""
    return [
        f"{each.name} {each.version} needs {requirement}, not {changed[name].version}"
        for each in installed.values()
        if each.name not in changed
        for requirement in each.requirements()
        if (name := canonicalize_name(requirement.name)) in changed
        and name in installed
        and _applies(requirement, "")
        and not is_met(requirement, changed[name])
    ]


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _parse(text: str) -> Requirement | None:
    try:
        return parse_requirement(text)
    except InvalidRequirement:
        return None
