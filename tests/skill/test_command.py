"""`seer skill`, and what the skill is."""

from __future__ import annotations

import builtins
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest

from seer_rpc import errors
from seer_rpc.cli import main
from seer_rpc.environment import SandboxConfig
from seer_rpc.generators import estimate_tokens
from seer_rpc.workspace import Skill
from seer_rpc.workspace.own_skill import own_skill_folder
from tests.skill.documents import blocks

OWN = own_skill_folder()
PLACE = Path(".claude", "skills", "seer")


def files_in(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has the skill."""
    main(["skill", "install", "--dir", str(tmp_path)])
    return tmp_path


def have_older_version(project: Path) -> None:
    """Have the copy say that it is of another version, with a file that there is no more."""
    note = project / PLACE / "installed.json"
    values = json.loads(note.read_text())
    old, stale = project / PLACE / "SKILL.md", project / PLACE / "references" / "stale.md"
    for file, text in ((old, "as it was\n"), (stale, "gone\n")):
        file.write_text(text)
        name = str(file.relative_to(project / PLACE))
        values["files"][name] = digest(text)
    note.write_text(json.dumps({**values, "version": "0.0.1"}))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# What it is.


def test_the_skill_keeps_the_limits_and_says_when_to_read_what() -> None:
    skill = Skill.from_directory(OWN)
    text = skill.files["SKILL.md"]

    assert skill.name == "seer"
    assert "Use when" in skill.description
    assert len(text.splitlines()) < 500
    assert estimate_tokens(text) < 5000
    told = dict(re.findall(r"^- \[(references/[^\]]+)\]\(\1\): (.+)$", text, re.M))
    assert set(told) == {name for name in skill.files if name != "SKILL.md"}
    assert all(name.count("/") == 1 for name in told)


def test_links_between_its_files_lead_somewhere() -> None:
    for document in OWN.rglob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
            assert (document.parent / target).is_file(), (document, target)


def test_every_block_is_of_a_kind_that_runs_and_every_file_is_used() -> None:
    for document in OWN.rglob("*.md"):
        found = [*blocks(document)]
        assert document.read_text().count("```") == 2 * len(found)
        for number, block in enumerate(found):
            assert block.language in ("python", "bash"), block.place
            if block.file is not None:
                name = Path(block.file).stem
                assert any(name in later.source for later in found[number + 1 :]), block.place


def test_the_names_in_its_tables_are_those_of_the_library() -> None:
    config, troubles = (
        (OWN / "references" / f"{name}.md").read_text() for name in ("config", "troubleshooting")
    )
    table = config.partition("| Field |")[2].partition("\n\n")[0]
    missing = [each.name for each in fields(SandboxConfig) if f"`{each.name}`" not in table]
    assert not missing
    known = {*vars(errors), *vars(builtins)}
    assert not set(re.findall(r"`(\w+Error)[`:]", troubles)) - known


def test_it_is_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-w", str(tmp_path)]
    root = Path(__file__).parents[2]
    built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("needs hatchling, which pip cannot fetch")
    assert not built.returncode, built.stderr

    (wheel,) = tmp_path.glob("*.whl")
    shipped = {
        name.removeprefix("seer_rpc/skills/seer/")
        for name in zipfile.ZipFile(wheel).namelist()
        if name.startswith("seer_rpc/skills/")
    }
    assert shipped == files_in(OWN).keys()


# What the command does.


def test_it_is_installed_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = files_in(project)
    stamps = [file.stat().st_mtime_ns for file in sorted(project.rglob("*"))]
    main(["skill", "install", "--dir", str(project)])

    copied = files_in(project / PLACE)
    assert json.loads(copied.pop("installed.json"))["files"].keys() == copied.keys()
    assert copied == files_in(OWN)
    assert files_in(project) == first
    assert [file.stat().st_mtime_ns for file in sorted(project.rglob("*"))] == stamps
    assert "is up to date" in capsys.readouterr().err


def test_it_is_installed_here_or_for_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))

    main(["skill", "install"])
    main(["skill", "install", "--user"])

    told = capsys.readouterr().err.splitlines()
    assert [each.split(" (")[0] for each in told] == [
        f"seer: installed the skill in {folder / PLACE}" for folder in (here, home)
    ]
    assert files_in(here) == files_in(home)
    assert (home / PLACE / "SKILL.md").is_file()


def test_an_older_version_is_replaced_and_what_others_put_there_stays(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    have_older_version(project)
    (project / PLACE / "mine.md").write_text("mine")
    main(["skill", "install", "--dir", str(project)])

    copied = files_in(project / PLACE)
    assert copied.pop("mine.md") == "mine"
    del copied["installed.json"]
    assert copied == files_in(OWN)
    assert capsys.readouterr().err.endswith(": SKILL.md, references/stale.md\n")


@pytest.mark.parametrize("name", ["SKILL.md", "references/config.md"])
def test_what_is_not_ours_or_was_changed_is_left_alone(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    have_older_version(project)
    (project / PLACE / name).write_text("my own words")
    before = files_in(project)
    with pytest.raises(SystemExit) as ended:
        main(["skill", "install", "--dir", str(project)])

    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert f"{PLACE / name} is in the way" in told
    assert "--force" in told
    assert files_in(project) == before

    main(["skill", "install", "--dir", str(project), "--force"])
    assert (project / PLACE / name).read_text() == (OWN / name).read_text()


def test_another_skill_of_that_name_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / PLACE / "SKILL.md"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("---\nname: seer\ndescription: Another one.\n---\n")
    with pytest.raises(SystemExit):
        main(["skill", "install", "--dir", str(tmp_path)])

    assert "it is not ours" in capsys.readouterr().err
    assert [*files_in(tmp_path)] == [str(PLACE / "SKILL.md")]


def test_nothing_is_written_outside_of_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (project / ".claude").symlink_to(outside)
    with pytest.raises(SystemExit):
        main(["skill", "install", "--dir", str(project)])

    assert "a link that leads out" in capsys.readouterr().err
    assert not [*outside.iterdir()]


def test_a_note_of_somebody_else_removes_nothing_elsewhere(project: Path) -> None:
    precious = project / "precious"
    precious.write_text("x")
    note = project / PLACE / "installed.json"
    values = json.loads(note.read_text())
    values["files"]["../../../precious"] = digest("x")
    note.write_text(json.dumps(values))
    main(["skill", "install", "--dir", str(project)])

    assert precious.read_text() == "x"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "files": []}', "\xff"])
def test_a_note_that_is_none_counts_for_nothing(project: Path, text: str) -> None:
    (project / PLACE / "installed.json").write_text(text)
    main(["skill", "install", "--dir", str(project)])

    assert json.loads((project / PLACE / "installed.json").read_text())["files"]


def test_a_folder_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["skill", "install", "--dir", str(tmp_path / "nowhere")])
    assert "there is no folder" in capsys.readouterr().err

    (tmp_path / ".claude").write_text("a file")
    with pytest.raises(SystemExit):
        main(["skill", "install", "--dir", str(tmp_path)])
    assert "cannot install the skill" in capsys.readouterr().err


def test_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["skill", "show"])
    assert capsys.readouterr().out == (OWN / "SKILL.md").read_text()
    main(["skill", "show", "references/config.md"])
    assert capsys.readouterr().out == (OWN / "references" / "config.md").read_text()
    main(["skill", "path"])
    assert Skill.from_directory(capsys.readouterr().out.strip()).name == "seer"
    with pytest.raises(SystemExit):
        main(["skill", "show", "../__init__.py"])
    assert "references/config.md" in capsys.readouterr().err
