"""Workspaces in sandboxes: all of it arrives, is found by what runs there, and can be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import ConfigError, SandboxFileNotFoundError
from seer_rpc.workspace import Library, Workspace
from tests.sandboxes.conftest import RunInside
from tests.sandboxes.places import PLACES, shared_sandbox

BINARY = bytes(range(256)) * 20_000
FINDS = "import packaged_here, sys; print(packaged_here.DATA == bytes(range(256)) * 20_000)"


@pytest.fixture(scope="module", params=PLACES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox in each place, whose own PYTHONPATH stays as it was set."""
    with shared_sandbox(request, SandboxConfig(env={"PYTHONPATH": "/own/folder"})) as sandbox:
        yield sandbox


@pytest.fixture
def package(tmp_path: Path) -> Library:
    """A package with a file that is no text."""
    folder = tmp_path / "packaged_here"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "weights.bin").write_bytes(BINARY)
    (folder / "__init__.py").write_text(
        "from pathlib import Path\n"
        "DATA = (Path(__file__).parent / 'data' / 'weights.bin').read_bytes()\n"
    )
    return Library.from_directory(folder)


def module(number: int, name: str = "numbers_inside") -> Library:
    return Library.from_code(f"NUMBER = {number}\n", name)


def number(sandbox: Sandbox, name: str = "numbers_inside") -> str:
    return sandbox.exec_python(f"import {name}; print({name}.NUMBER)").strip()


def test_libraries_are_found_by_all_that_runs(sandbox: Sandbox, package: Library) -> None:
    sandbox.install(Workspace([package, module(1)]))

    assert sandbox.exec_python(FINDS) == "True\n"
    assert sandbox.exec(f"cd /tmp && python -c '{FINDS}'") == "True\n"
    assert number(sandbox) == "1"
    assert sandbox.exec("echo $PYTHONPATH").startswith("/own/folder:")


def test_what_is_not_there_any_more_is_removed_and_what_changed_is_new(sandbox: Sandbox) -> None:
    sandbox.install(Workspace([module(1), module(2, "numbers_gone")]), "changing")
    assert number(sandbox) == "1"
    assert number(sandbox, "numbers_gone") == "2"

    sandbox.install(Workspace([module(3)]), "changing")
    assert number(sandbox) == "3"
    with pytest.raises(SandboxFileNotFoundError):
        sandbox.read_file("/root/libraries/numbers_gone.py")
    names = [Path(each.path).name for each in sandbox.list_files("/root/libraries", recursive=True)]
    assert not [name for name in names if name.startswith("numbers_gone")]

    sandbox.install(Workspace(), "changing")
    sandbox.install(Workspace(), "session")
    assert "No module" in sandbox.run_python("import numbers_inside").stderr


def test_files_and_skills_are_in_the_workspace(sandbox: Sandbox, tmp_path: Path) -> None:
    skill = tmp_path / "be-careful"
    skill.mkdir()
    (skill / "SKILL.md").write_text("---\nname: be-careful\ndescription: Always.\n---\n")
    (skill / "go.sh").write_text("#!/bin/sh\necho went\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "large.bin").write_bytes(BINARY)
    script = tmp_path / "run.sh"
    script.write_text("echo ran\n")
    script.chmod(0o755)
    workspace = Workspace(
        skill_dirs=[skill],
        local_files=[(script, "bin/run.sh")],
        local_dirs=[(tmp_path / "data", "/workspace/inputs")],
    )

    for _ in range(2):
        sandbox.install(workspace, "files")

    assert sandbox.read_bytes("/workspace/inputs/large.bin") == BINARY
    assert sandbox.exec(".claude/skills/be-careful/go.sh; bin/run.sh") == "went\nran\n"
    sandbox.write_file("/workspace/inputs/result.txt", "the agent's")
    sandbox.install(Workspace(), "files")
    found = [each.path for each in sandbox.list_files(recursive=True) if each.kind == "file"]
    assert [each for each in found if "/.seer/" not in each] == ["/workspace/inputs/result.txt"]


def test_what_is_in_the_way_is_named_and_kept(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("new")
    sandbox.write_file("/workspace/taken/notes.txt", "the agent's")
    sandbox.exec('ln -sfn "$HOME" linked')

    for path in ("taken/notes.txt", "taken/notes.txt/deep", "linked/notes.txt"):
        with pytest.raises(ConfigError, match="in the way of local_files"):
            sandbox.install(Workspace(local_files=[(tmp_path / "notes.txt", path)]), "way")
    assert sandbox.read_file("/workspace/taken/notes.txt") == "the agent's"
    assert sandbox.run("test -e ~/notes.txt").exit_code == 1


def test_interfaces_find_what_the_sandbox_starts_with(
    backend: str, package: Library, tmp_path: Path, run_inside: RunInside
) -> None:
    (tmp_path / "data.bin").write_bytes(BINARY)
    workspace = Workspace(
        [package, module(5)], local_files=[(tmp_path / "data.bin", "in/data.bin")]
    )

    with ScopedSandbox(backend=backend).start(workspace) as scoped:
        code = "import packaged_here; result = packaged_here.DATA"
        assert run_inside(scoped, code) == BINARY
        code = "result = (WORKSPACE / 'in' / 'data.bin').read_bytes()"
        assert run_inside(scoped, code) == BINARY
        code = "import numbers_inside; print(numbers_inside.NUMBER)"
        assert scoped.exec_python(code) == "5\n"
        kept = scoped.snapshot()

    with ScopedSandbox.from_snapshot(kept) as again:
        assert again.exec_python(code) == "5\n"
        again.install(Workspace([module(6)]))
        assert again.exec_python(code) == "6\n"
