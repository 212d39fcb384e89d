"""Workspaces: libraries put into a folder, whole, and nothing outside of it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
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


def make(file: Path, content: str | bytes = "x") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_files_and_folders_of_this_machine_come_along(tmp_path: Path) -> None:
    script = make(tmp_path / "go.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    make(tmp_path / "data" / "deep" / "weights.bin", b"\x00\xff")
    make(tmp_path / "data" / "__pycache__" / "x.pyc")
    (tmp_path / "data" / "again.bin").symlink_to("deep/weights.bin")
    folder = tmp_path / "work"

    Workspace(
        local_files=[(script, "bin/go"), (str(script), "/workspace/go.sh")],
        local_dirs=[(tmp_path / "data", "inputs"), (str(tmp_path / "data" / "deep"), ".")],
    ).install(folder)

    assert (folder / "inputs" / "deep" / "weights.bin").read_bytes() == b"\x00\xff"
    assert (folder / "weights.bin").read_bytes() == b"\x00\xff"
    assert (folder / "inputs" / "again.bin").read_bytes() == b"\x00\xff"
    assert not (folder / "inputs" / "again.bin").is_symlink()
    assert mode(folder / "bin" / "go") == mode(folder / "go.sh") == 0o755
    assert mode(folder / "weights.bin") == 0o644
    # It is data: nobody knows what in it is not needed.
    assert (folder / "inputs" / "__pycache__").exists()


@pytest.mark.parametrize(
    "path", ["", " ", ".", "/etc/passwd", "../x", "a/../../x", "/workspace", "a\nb", ".seer/x.json"]
)
def test_a_path_outside_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    file = make(tmp_path / "file.txt")

    with pytest.raises(ConfigError, match="local_files"):
        Workspace(local_files=[(file, path)])


@pytest.mark.parametrize("path", ["", "/etc", "..", ".seer", "/workspace/.."])
def test_a_folder_outside_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match="local_dirs"):
        Workspace(local_dirs=[(tmp_path, path)])


def test_a_folder_with_a_link_out_of_it_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "secret.txt")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to("../secret.txt")

    with pytest.raises(ConfigError, match="leads out of it"):
        Workspace(local_dirs=[(tmp_path / "data", "data")]).install(tmp_path / "work")


def test_fields_are_checked_when_they_are_written_down(tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"libraries": PACKAGE}, "must be a list of Library"),
        ({"libraries": ["tools.py"]}, "'tools.py' is none"),
        ({"local_files": [(tmp_path / "gone", "x")]}, "there is no file"),
        ({"local_dirs": [(tmp_path / "gone", "x")]}, "there is no folder"),
        ({"skill_dirs": [tmp_path / "gone"]}, "there is no skill folder"),
        ({"custom_init_code": "import ("}, "custom_init_code is no Python"),
        ({"preload_models": 1}, "preload_models=1"),
        ({"init_code": "x"}, "no field 'init_code'"),
    ]
    for fields, words in wrong:
        with pytest.raises(ConfigError, match=words):
            Workspace(**fields)  # type: ignore[arg-type]


def test_a_workspace_has_the_fields_that_sessions_know() -> None:
    workspace = Workspace()

    assert (workspace.libraries, workspace.skills, workspace.skill_dirs) == ([], [], [])
    assert (workspace.local_files, workspace.local_dirs) == ([], [])
    assert workspace.custom_init_code == ""
    assert workspace.preload_models
    assert workspace.hidden_model_loading


def test_what_a_session_has_no_more_is_removed_and_nothing_else(tmp_path: Path) -> None:
    data = make(tmp_path / "data.csv")
    folder = tmp_path / "work"
    kept = Library.from_code("k = 1\n", "kept_one")
    Workspace(
        [PACKAGE, SINGLE, kept], two_skills("a", "a")[:1], local_files=[(data, "in/d.csv")]
    ).install(folder, "mine")
    make(folder / "tools" / "notes.txt", "the user's")
    make(folder / "tools" / "sub" / "__pycache__" / "deep.cpython-311.pyc")

    Workspace([kept]).install(folder, "mine")

    left = contents(folder)
    assert sorted(left) == [
        ".seer/.gitignore",
        ".seer/kept_one.files",
        ".seer/mine.session",
        "kept_one.py",
        "tools/notes.txt",
    ]
    # Folders that are left empty would be found by imports.
    assert sorted(each.name for each in folder.iterdir()) == [".seer", "kept_one.py", "tools"]
    assert [each.name for each in (folder / "tools").iterdir()] == ["notes.txt"]


def test_what_another_session_has_stays(tmp_path: Path) -> None:
    Workspace([PACKAGE, SINGLE]).install(tmp_path, "first/one")
    Workspace([PACKAGE]).install(tmp_path, "second")

    Workspace().install(tmp_path, "first/one")

    assert (tmp_path / "tools" / "__init__.py").exists()
    assert (tmp_path / ".seer" / "tools.json").exists()
    assert not (tmp_path / "helpers.py").exists()


def test_a_skill_alone_is_installed_beside_what_is_there(tmp_path: Path) -> None:
    install(tmp_path, PACKAGE)

    two_skills("a", "a")[0].install(tmp_path)

    assert (tmp_path / "tools" / "__init__.py").exists()


def test_files_change_hands_between_parcels(tmp_path: Path) -> None:
    data = make(tmp_path / "helpers.py", "z = 9\n")
    folder = tmp_path / "work"
    Workspace([SINGLE]).install(folder)

    Workspace(local_files=[(data, "helpers.py")]).install(folder)
    assert (folder / "helpers.py").read_text() == "z = 9\n"

    Workspace(local_files=[(data, "helpers.py/deep.py")]).install(folder)
    assert (folder / "helpers.py" / "deep.py").read_text() == "z = 9\n"


def test_libraries_and_files_in_one_place_are_refused(tmp_path: Path) -> None:
    data = make(tmp_path / "data.csv")

    for path, words in [
        ("helpers.py", "overwrite each other's"),
        ("tools", "file and as a folder"),
    ]:
        with pytest.raises(ConfigError, match=words):
            Workspace([PACKAGE, SINGLE], local_files=[(data, path)]).install(tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_user_s_file_in_the_way_of_a_local_file_is_kept(tmp_path: Path) -> None:
    data = make(tmp_path / "data.csv", "new")
    mine = make(tmp_path / "work" / "data.csv", "mine")

    with pytest.raises(ConfigError, match="in the way of local_files"):
        Workspace(local_files=[(data, "data.csv")]).install(tmp_path / "work")
    assert mine.read_text() == "mine"


def test_a_copy_that_is_there_is_not_made_again_and_a_newer_source_is(tmp_path: Path) -> None:
    data = make(tmp_path / "data.csv", "old")
    workspace = Workspace(local_files=[(data, "data.csv")])
    workspace.install(tmp_path / "work")
    copy = tmp_path / "work" / "data.csv"
    before = copy.stat().st_ino

    workspace.install(tmp_path / "work")
    assert copy.stat().st_ino == before

    data.write_text("new")
    os.utime(data, ns=(1, 1))
    workspace.install(tmp_path / "work")
    assert copy.read_text() == "new"


def test_a_module_that_changes_within_a_second_is_compiled_anew(tmp_path: Path) -> None:
    for number in range(3):
        install(tmp_path, Library.from_code(f"z = {number}\n", "helpers"))
        file = tmp_path / "helpers.py"
        os.utime(file, (1, 1))
        printed = subprocess.check_output(
            [sys.executable, "-c", "import helpers; print(helpers.z)"], cwd=tmp_path, text=True
        )
        assert printed == f"{number}\n"


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        install(make(tmp_path / "file"), PACKAGE)


def test_a_server_that_a_session_has_no_more_leaves_the_configuration(tmp_path: Path) -> None:
    ours = {"command": "serve", "env": {"SEER_MCP_FOLDER": "x"}}

    class Served(Library):
        @property
        def mcp_servers(self) -> dict[str, object]:
            return {self.name: ours}

    first, second = (Served(name, {f"{name}.py": ""}) for name in ("one_tool", "two_tool"))
    make(tmp_path / ".mcp.json", '{"mcpServers": {"mine": {"command": "x"}}}')
    Workspace([first, second]).install(tmp_path, "a")
    Workspace([second]).install(tmp_path, "b")

    Workspace().install(tmp_path, "a")

    servers = json.loads((tmp_path / ".mcp.json").read_text())["mcpServers"]
    assert servers == {"mine": {"command": "x"}, "two_tool": ours}
    config = make(tmp_path / "mcp.json", "{}")
    with pytest.raises(ConfigError, match="servers that belong in there"):
        Workspace([first], local_files=[(config, ".mcp.json")]).install(tmp_path / "other")


def test_a_record_that_is_none_is_passed_over(tmp_path: Path) -> None:
    for text in ("", "[]", '{"parcels": 3}', "\udcff".encode(errors="surrogateescape")):
        make(tmp_path / ".seer" / ".session", text)
        install(tmp_path, SINGLE)
        assert (tmp_path / "helpers.py").read_text() == "z = 3\n"


def test_what_the_system_refuses_is_told_in_words(tmp_path: Path) -> None:
    data = make(tmp_path / "data.csv")
    workspace = Workspace(local_files=[(data, "data.csv")])
    data.unlink()

    with pytest.raises(ConfigError, match=r"cannot install the workspace in .*data\.csv"):
        workspace.install(tmp_path / "work")
    with pytest.raises(ConfigError, match="cannot install the workspace"):
        Workspace([SINGLE]).install(tmp_path / "work", "x" * 300)


def test_names_that_lists_cannot_hold_are_refused_and_odd_ones_are_not(tmp_path: Path) -> None:
    odd = "at 1.00\u202fPM \u2028 é \x85.png"
    make(tmp_path / "data" / odd)
    workspace = Workspace(local_dirs=[(tmp_path / "data", "in")])
    workspace.install(tmp_path / "work")
    assert (tmp_path / "work" / "in" / odd).exists()
    Workspace().install(tmp_path / "work")
    assert not (tmp_path / "work" / "in").exists()

    make(tmp_path / "data" / "a\nb.txt")
    with pytest.raises(ConfigError, match="no name of a file should have"):
        workspace.install(tmp_path / "work")
