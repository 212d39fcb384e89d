"""Libraries: Python files under a name that can be imported, and nowhere else."""

from __future__ import annotations

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
