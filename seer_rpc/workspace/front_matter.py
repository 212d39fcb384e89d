"""The head of a SKILL.md, checked by the rules of the Agent Skills specification."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

from seer_rpc.errors import ConfigError

TEXT = "SKILL.md"
"""The file of a skill that has it."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = {"name": 64, "description": 1024, "compatibility": 500}
_KEYS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
_CALLER = 4


@dataclass(frozen=True)
class SkillText:
    """What a SKILL.md says."""

    name: str
    description: str
    body: str


def parse_skill(text: str, folder: str) -> SkillText:
    """Read the SKILL.md of the folder of that name.

    Raises:
        ConfigError: agents would not take it for a skill.
    """
    head, body = _apart(text, folder)
    values = _values(head, folder)
    name, description = (_line(values, key, folder) for key in ("name", "description"))
    if not _NAME.fullmatch(name):
        raise _wrong(
            folder,
            f"name {name!r} is none",
            "write lower-case letters, digits and single hyphens between them",
        )
    if name != folder:
        raise _wrong(
            folder, f"name is {name!r}", f"call the folder {name!r}, or the skill {folder!r}"
        )
    unknown = [str(key) for key in values if key not in _KEYS]
    if unknown:
        warnings.warn(
            f"skill {folder!r}: SKILL.md has fields that the specification does not know: "
            f"{', '.join(unknown)}",
            stacklevel=_CALLER,
        )
    return SkillText(name, description, body.strip())


def _apart(text: str, folder: str) -> tuple[str, str]:
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if line.rstrip() == "---"]
    if len(ends) < 2 or ends[0] != 0:
        raise _wrong(
            folder,
            "there is no head",
            f"begin with three lines and more:\n---\nname: {folder}\ndescription: ...\n---",
        )
    return "".join(lines[1 : ends[1]]), "".join(lines[ends[1] + 1 :])


def _values(head: str, folder: str) -> dict[Any, Any]:
    # It takes a while, and few sessions have such skills.
    import yaml

    try:
        values = yaml.safe_load(head)
    except (yaml.YAMLError, RecursionError) as error:
        hint = "put texts that have a colon or a quote in them between quotes"
        raise _wrong(folder, f"its head is no YAML: {error}", hint) from None
    if not isinstance(values, dict):
        raise _wrong(folder, "its head has no fields", "write name: and description:")
    return values


def _line(values: dict[Any, Any], key: str, folder: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(folder, f"there is no {key}", f"write {key}: and a text behind it")
    most = _LONGEST[key]
    if len(value.strip()) > most:
        raise _wrong(folder, f"its {key} has {len(value.strip())} characters", f"{most} may be")
    return value.strip()


def _wrong(folder: str, what: str, hint: str) -> ConfigError:
    return ConfigError(f"skill {folder!r}: SKILL.md: {what}", hint=hint)
