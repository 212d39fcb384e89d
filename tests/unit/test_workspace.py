"""Workspaces: libraries put into a folder, whole, and nothing outside of it."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc.errors import ConfigError
from seer_rpc.workspace import Library, Skill, Workspace
from seer_rpc.workspace.parcels import SessionRecord

PACKAGE = Library(
    "tools",
    {"__init__.py": "x = 1\n", "sub/deep.py": "y = 2\n"},
    private_files={"tools.json": '{"token": "s3cret"}'},
)
SINGLE = Library.from_code("z = 3\n", name="helpers")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def session(*listings: str, **private: list[str]) -> str:
    """Give what is written down of a session with those parcels."""
    parcels = {listing: private.get(listing, []) for listing in listings}
    return SessionRecord(parcels).to_json()


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def install(folder: Path, *libraries: Library) -> None:
    Workspace(libraries=list(libraries)).install(folder)


def test_packages_and_single_files_lie_where_they_can_be_imported(tmp_path: Path) -> None:
    install(tmp_path / "new" / "folder", PACKAGE, SINGLE)

    assert contents(tmp_path / "new" / "folder") == {
        ".seer/.gitignore": "*\n",
        ".seer/.session": session(
            "helpers.files", "tools.files", **{"tools.files": ["tools.json"]}
        ),
        ".seer/helpers.files": "helpers.py\n",
        ".seer/tools.files": "tools/__init__.py\ntools/sub/deep.py\n",
        ".seer/tools.json": '{"token": "s3cret"}',
        "helpers.py": "z = 3\n",
        "tools/__init__.py": "x = 1\n",
        "tools/sub/deep.py": "y = 2\n",
    }


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    install(tmp_path, PACKAGE, SINGLE)
    before = contents(tmp_path)

    install(tmp_path, PACKAGE, SINGLE)

    assert contents(tmp_path) == before


def test_private_files_are_their_owners_alone(tmp_path: Path) -> None:
    install(tmp_path, PACKAGE)

    assert mode(tmp_path / ".seer") == 0o700
    assert mode(tmp_path / ".seer" / "tools.json") == 0o600


def test_a_private_file_that_was_open_is_closed(tmp_path: Path) -> None:
    install(tmp_path, PACKAGE)
    (tmp_path / ".seer" / "tools.json").chmod(0o666)

    install(tmp_path, PACKAGE)

    assert mode(tmp_path / ".seer" / "tools.json") == 0o600


def test_files_of_an_earlier_version_of_a_package_go(tmp_path: Path) -> None:
    install(tmp_path, PACKAGE)

    install(tmp_path, Library("tools", {"__init__.py": "x = 2\n"}))

    assert contents(tmp_path / "tools") == {"__init__.py": "x = 2\n"}


def test_a_package_that_became_a_single_file_is_gone(tmp_path: Path) -> None:
    install(tmp_path, PACKAGE)

    install(tmp_path, Library.from_code("x = 2\n", name="tools"))

    assert contents(tmp_path / "tools") == {}
    assert (tmp_path / "tools.py").read_text() == "x = 2\n"


def test_a_single_file_that_became_a_package_is_gone(tmp_path: Path) -> None:
    install(tmp_path, Library.from_code("x = 2\n", name="tools"))

    install(tmp_path, PACKAGE)

    assert not (tmp_path / "tools.py").exists()
    assert (tmp_path / "tools" / "__init__.py").read_text() == "x = 1\n"


def test_what_is_not_the_librarys_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".seer").mkdir()
    (tmp_path / ".seer" / "others.json").write_text("{}")

    install(tmp_path, PACKAGE, SINGLE)

    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / ".seer" / "others.json").read_text() == "{}"


@pytest.mark.parametrize("library", [PACKAGE, Library.from_code("", name="tools")], ids=repr)
def test_a_folder_of_the_users_own_is_never_deleted(tmp_path: Path, library: Library) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "results.csv").write_text("a week of work")

    # Refusing is as good as working around it.
    with contextlib.suppress(ConfigError):
        install(tmp_path, library)

    assert (tmp_path / "tools" / "results.csv").read_text() == "a week of work"


@pytest.mark.parametrize(
    ("link", "target", "library"),
    [
        ("tools", "", PACKAGE),
        (".seer", "", PACKAGE),
        (".seer/tools.json", "theirs.json", PACKAGE),
        ("helpers.py", "theirs.json", SINGLE),
    ],
)
def test_nothing_is_written_through_a_link(
    tmp_path: Path, link: str, target: str, library: Library
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "theirs.json").write_text("theirs")
    before = contents(outside)
    folder = tmp_path / "workspace"
    (folder / link).parent.mkdir(parents=True)
    (folder / link).symlink_to(outside / target)

    # Refusing is as good as replacing the link.
    with contextlib.suppress(ConfigError):
        install(folder, library)

    assert contents(outside) == before


@pytest.mark.parametrize("in_the_way", ["helpers.py", "tools/__init__.py", "tools/sub/deep.py"])
@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_is_in_the_way_is_named_and_kept(
    tmp_path: Path, in_the_way: str, make: Callable[[Path], None]
) -> None:
    (tmp_path / in_the_way).parent.mkdir(parents=True, exist_ok=True)
    make(tmp_path / in_the_way)

    with pytest.raises(ConfigError, match=in_the_way):
        install(tmp_path, PACKAGE, SINGLE)
    assert (tmp_path / in_the_way).exists()
    assert [each for each in contents(tmp_path) if each.startswith(".helpers")] == []


def test_a_file_in_place_of_a_folder_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "tools").write_text("mine")

    with pytest.raises(ConfigError, match="tools"):
        install(tmp_path, PACKAGE)
    assert (tmp_path / "tools").read_text() == "mine"


def test_a_listing_that_names_what_is_outside_deletes_nothing_there(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    (tmp_path / "theirs.txt").write_text("theirs")
    install(folder, PACKAGE)
    with (folder / ".seer" / "tools.files").open("a") as listing:
        listing.write(f"../theirs.txt\n{tmp_path / 'theirs.txt'}\n")

    with contextlib.suppress(ConfigError):
        install(folder, PACKAGE)

    assert (tmp_path / "theirs.txt").read_text() == "theirs"


def test_the_docs_of_all_libraries_stand_one_after_the_other() -> None:
    workspace = Workspace([Library("a", {}, "About a."), SINGLE, Library("b", {}, "About b.")])

    assert workspace.get_library_docs() == "## a\n\nAbout a.\n\n## b\n\nAbout b."


def test_an_empty_workspace_has_no_docs_and_installs_no_library(tmp_path: Path) -> None:
    Workspace().install(tmp_path)

    assert Workspace().get_library_docs() == ""
    assert contents(tmp_path) == {".seer/.gitignore": "*\n", ".seer/.session": session()}


def test_what_others_put_in_the_place_of_an_old_file_stays(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    outside.mkdir()
    (outside / "deep.py").write_text("precious")
    install(folder, Library("tools", {"__init__.py": "", "sub/deep.py": "", "late.py": ""}))
    (folder / "tools/sub/deep.py").unlink()
    (folder / "tools/sub").rmdir()
    (folder / "tools/sub").symlink_to(outside)
    (folder / "tools/late.py").unlink()
    (folder / "tools/late.py").mkdir()
    install(folder, Library("tools", {"__init__.py": ""}))
    assert (outside / "deep.py").read_text() == "precious"
    assert (folder / "tools/late.py").is_dir()


class WithServer(Library):
    """A library with a server of its own."""

    @property
    def mcp_servers(self) -> dict[str, object]:
        return {"tools": {"command": "serve"}}


def test_servers_of_others_stay_as_secret_as_they_were_and_where_they_are(tmp_path: Path) -> None:
    real = tmp_path / "settings.json"
    real.write_text('{"mcpServers": {"other": {"env": {"KEY": "s3cret \\ud800"}}}}')
    real.chmod(0o600)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".mcp.json").symlink_to(real)
    install(folder, WithServer("tools", {"tools.py": ""}))
    assert (folder / ".mcp.json").is_symlink()
    assert mode(real) == 0o600
    servers = json.loads(real.read_text())["mcpServers"]
    assert servers["other"] == {"env": {"KEY": "s3cret \ud800"}}
    assert servers["tools"] == {"command": "serve"}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "settings.json"]


def two_skills(first: str, second: str) -> list[Skill]:
    return [Skill("my-tools", {"SKILL.md": text}) for text in (first, second)]


def test_two_that_would_be_written_over_one_another_are_refused(tmp_path: Path) -> None:
    other = Library("tools", {"__init__.py": "x = 2\n"})
    elsewhere = Library("tools", PACKAGE.files, private_files={"tools.json": "another sandbox's"})
    skill = Skill("tools", {"SKILL.md": "a"}, private_files={"tools.json": "another sandbox's"})

    for libraries, skills, words in [
        ([], two_skills("my_tools", "MyTools"), "skill 'my-tools' and skill 'my-tools'"),
        ([PACKAGE, other], [], "library 'tools' and library 'tools'"),
        ([PACKAGE, elsewhere], [], "tools.json"),
        ([PACKAGE], [skill], "library 'tools' and skill 'tools'.* tools.json"),
    ]:
        with pytest.raises(ConfigError, match=words) as caught:
            Workspace(libraries=libraries, skills=skills).install(tmp_path / "work")
        assert "name=" in caught.value.hint
        assert not (tmp_path / "work").exists()


def test_the_same_may_be_there_twice(tmp_path: Path) -> None:
    workspace = Workspace(libraries=[PACKAGE, PACKAGE], skills=two_skills("a", "a"))
    workspace.install(tmp_path)

    assert (tmp_path / "tools" / "__init__.py").read_text() == "x = 1\n"
