"""Libraries: Python files under a name that can be imported, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from seer_rpc.errors import ConfigError
from seer_rpc.workspace import Library


def test_a_library_has_what_it_was_given() -> None:
    library = Library("tools", {"__init__.py": "x = 1\n"}, "Docs.", private_files={"k.json": "{}"})

    assert (library.name, library.docs) == ("tools", "Docs.")
    assert library.files == {"__init__.py": "x = 1\n"}
    assert library.private_files == {"k.json": "{}"}
    assert repr(library) == "Library('tools')"


def test_its_files_are_its_own() -> None:
    files = {"tools.py": "x = 1\n"}
    library = Library("tools", files)

    files.clear()
    library.files.clear()
    library.private_files["new"] = ""

    assert library.files == {"tools.py": "x = 1\n"}
    assert library.private_files == {}


@pytest.mark.parametrize("name", ["", "my-tools", "my.tools", "2tools", "class", "a b", "../tools"])
def test_a_name_that_cannot_be_imported_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        Library(name, {})


@pytest.mark.parametrize("name", ["json", "typing", "asyncio"])
def test_a_name_that_would_hide_a_module_of_pythons_own_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="would hide Python's own module"):
        Library(name, {})


@pytest.mark.parametrize("file", ["/etc/passwd", "../x.py", "a/../../x.py", "a/..", "", "."])
def test_a_file_outside_the_library_is_refused(file: str) -> None:
    with pytest.raises(ConfigError, match="lies outside the library"):
        Library("tools", {file: ""})
    with pytest.raises(ConfigError, match="lies outside the library"):
        Library("tools", {}, private_files={file: ""})


@pytest.mark.parametrize(
    ("files", "single"),
    [
        (["tools.py"], True),
        (["__init__.py"], False),
        (["tools.py", "__init__.py"], False),
        ([], False),
    ],
)
def test_a_library_of_its_own_file_alone_is_a_single_file(files: list[str], single: bool) -> None:
    assert Library("tools", dict.fromkeys(files, "")).is_single_file is single


def test_code_becomes_a_single_file() -> None:
    library = Library.from_code("x = 1\n", name="helpers")

    assert library.files == {"helpers.py": "x = 1\n"}
    assert library.is_single_file


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_becomes_a_library_of_its_stem(tmp_path: Path, kind: type) -> None:
    file = tmp_path / "utils.py"
    file.write_text("x = 'größe'\n", encoding="utf-8")

    library = Library.from_file(kind(file))

    assert (library.name, library.files) == ("utils", {"utils.py": "x = 'größe'\n"})


def test_a_file_can_have_another_name(tmp_path: Path) -> None:
    file = tmp_path / "my-utils.py"
    file.write_text("x = 1\n")

    assert Library.from_file(file, name="my_helpers").files == {"my_helpers.py": "x = 1\n"}
    with pytest.raises(ConfigError, match="'my-utils' cannot be imported") as caught:
        Library.from_file(file)
    assert "name=" in caught.value.hint


@pytest.mark.parametrize("name", ["gone.py", "folder.py", "latin.py"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "latin.py").write_bytes(b"x = '\xe9'\n")

    with pytest.raises(ConfigError, match=name):
        Library.from_file(tmp_path / name)


@pytest.mark.parametrize("name", ["seer_rpc", "seer_runtime"])
def test_a_name_that_would_hide_this_library_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="would hide this library itself"):
        Library.from_code("", name)


def test_a_name_that_python_would_look_for_under_another_spelling_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        Library.from_code("", "ﬁle")


def test_a_name_that_hides_an_installed_package_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="'msgpack' hides the installed package") as caught:
        Library.from_code("x = 1\n", "msgpack")
    assert caught[0].filename == __file__


def test_several_files_without_a_package_s_are_refused() -> None:
    with pytest.raises(ConfigError, match="`import tools` would find nothing") as caught:
        Library("tools", {"tools.py": "", "more.py": ""})
    assert "__init__.py" in caught.value.hint


def make(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


PACKAGE: dict[str, str | bytes] = {
    "__init__.py": '"""Of numbers."""\n',
    "sub/deep.py": "y = 2\r\n",
    "latin.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
    "data/table.csv": "a,b\n",
    "data/weights.bin": b"\x00\xff",
    "__pycache__/x.pyc": b"\x00",
    ".git/config": "",
}


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_becomes_a_package_with_all_its_files(tmp_path: Path, kind: type) -> None:
    folder = make(tmp_path / "numbers_of_mine", PACKAGE)

    library = Library.from_directory(kind(f"{folder}/"))

    assert (library.name, library.docs) == ("numbers_of_mine", "Of numbers.")
    assert library.files == {
        "__init__.py": '"""Of numbers."""\n',
        "sub/deep.py": "y = 2\r\n",
        "data/table.csv": "a,b\n",
    }
    assert library.data_files == {
        "latin.py": PACKAGE["latin.py"],
        "data/weights.bin": b"\x00\xff",
    }
    assert not library.is_single_file
    assert Library.from_directory(folder, name="others").name == "others"


def test_a_package_of_an_init_file_alone_stays_one(tmp_path: Path) -> None:
    library = Library.from_directory(make(tmp_path / "tiny", {"__init__.py": "x = 1\n"}))

    assert not library.is_single_file
    assert [str(each) for each in library.parcel().files] == ["tiny/__init__.py"]


def test_a_folder_that_is_no_package_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "loose", {"more.py": ""})

    with pytest.raises(ConfigError, match=r"has no __init__\.py"):
        Library.from_directory(folder)
    with pytest.raises(ConfigError, match="there is no library folder"):
        Library.from_directory(tmp_path / "gone")
    with pytest.raises(ConfigError, match="it is a folder") as caught:
        Library.from_file(folder)
    assert "from_directory" in caught.value.hint
    with pytest.raises(ConfigError, match="cannot be imported"):
        Library.from_directory(make(tmp_path / "my-package", {"__init__.py": ""}))


@pytest.mark.parametrize("target", ["/etc/hosts", "../outside.txt", "gone", "sub"])
def test_links_that_lead_out_or_nowhere_are_refused(tmp_path: Path, target: str) -> None:
    folder = make(tmp_path / "linked", {"__init__.py": "", "sub/x.py": ""})
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link").symlink_to(target)

    with pytest.raises(ConfigError, match="link"):
        Library.from_directory(folder)


def test_a_link_to_a_file_inside_is_that_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "linked", {"__init__.py": "", "sub/x.py": "x = 1\n"})
    (folder / "y.py").symlink_to("sub/x.py")

    assert Library.from_directory(folder).files["y.py"] == "x = 1\n"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "piped", {"__init__.py": ""})
    os.mkfifo(folder / "pipe")

    with pytest.raises(ConfigError, match="neither file nor folder"):
        Library.from_directory(folder)


def test_a_file_whose_name_is_no_text_is_refused() -> None:
    for name in ("a\nb.py", "a\x00.py", "a\udcff.py"):
        with pytest.raises(ConfigError, match="no name of a file should have"):
            Library("tools", {"__init__.py": "", name: ""})


SKILL = """\
---
name: steering-hook
description: "Steers: a model."
license: MIT
---

# Steering

Use it so.
"""


def test_a_skill_s_code_becomes_a_library(tmp_path: Path) -> None:
    folder = make(tmp_path / "steering-hook", {"SKILL.md": SKILL, "code.py": "x = 1\n"})

    library = Library.from_skill_dir(f"{folder}/")

    assert library.name == "steering_hook"
    assert library.files == {"steering_hook.py": "x = 1\n"}
    assert library.docs == "Steers: a model.\n\n# Steering\n\nUse it so."


@pytest.mark.parametrize("missing", ["SKILL.md", "code.py"])
def test_a_skill_without_code_is_no_library(tmp_path: Path, missing: str) -> None:
    folder = make(tmp_path / "steering-hook", {"SKILL.md": SKILL, "code.py": "x = 1\n"})
    (folder / missing).unlink()

    with pytest.raises(ConfigError, match=missing):
        Library.from_skill_dir(folder)


def test_the_docs_of_a_module_are_read_from_its_source() -> None:
    library = Library.from_code(
        '''
"""Helpers for texts.

In two paragraphs.
"""

import os

def count(text: str, /, *more, lower: bool = True) -> dict[str, int]:
    """Count words.

    At length.
    """

async def wait(): ...

class Kept:
    """Keeps."""

def _hidden(): ...
''',
        "texts",
    )

    assert library.docs == (
        "Helpers for texts.\n\nIn two paragraphs.\n\n"
        "- `count(text: str, /, *more, lower: bool=True) -> dict[str, int]`: Count words.\n"
        "- `async wait()`\n"
        "- `class Kept`: Keeps."
    )
    assert Library.from_code("def (", "broken").docs == ""
