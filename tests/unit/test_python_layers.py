"""The Python of local sandboxes: virtual environments, layers, scripts, pip's settings."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import seer_rpc
import seer_runtime
from seer_rpc.backends.local.python import find_layers, make_venv
from seer_rpc.backends.local.python.index_settings import pip_settings, uv_environment
from seer_rpc.backends.local.python.interpreter import linked_sources, this_interpreter
from seer_rpc.backends.local.python.scripts import movable_scripts, use_first_python

_DESCRIBE = """
import json, sys
import seer_rpc.backends.local.python as python
layers = python.find_layers([])
from pathlib import Path
home = Path(sys.argv[1])
venv = python.make_venv(home, str(home), layers)
print(json.dumps([venv.python, venv.path, list(map(str, layers.folders))]))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEER_CACHE", str(tmp_path / "cache"))


def run(python: str, program: str, **variables: str) -> str:
    finished = subprocess.run(
        [python, "-P", "-c", program],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_a_virtual_environment_has_all_that_the_interpreter_has(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, str(tmp_path), find_layers([]))

    program = (
        "import sys, torch, transformers, peft, numpy, seer_runtime, seer_runtime.worker, pip\n"
        "print(sys.prefix, sys.executable)"
    )
    prefix, executable = run(venv.python, program).split()

    assert prefix == str(tmp_path / ".venv")
    assert executable == venv.python
    assert venv.variables == {"VIRTUAL_ENV": prefix}


def test_it_is_made_fast(tmp_path: Path) -> None:
    layers = find_layers([])
    times = []
    for number in range(20):
        home = tmp_path / str(number)
        home.mkdir()
        begun = time.thread_time()
        make_venv(home, str(home), layers)
        times.append(time.thread_time() - begun)

    # A few files, and no more than that; how long the processor has other work counts for nothing.
    assert len(list((tmp_path / "0").rglob("*"))) < 40
    assert min(times) < 0.02


def test_it_may_be_seen_under_another_path(tmp_path: Path) -> None:
    made, seen = tmp_path / "made", tmp_path / "seen"
    made.mkdir()
    venv = make_venv(made, str(seen), find_layers([]))
    assert venv.python == str(seen / ".venv" / "bin" / "python")

    made.rename(seen)

    assert run(venv.python, "import sys, numpy; print(sys.prefix)") == str(seen / ".venv")


def test_its_own_packages_come_first_and_stay(tmp_path: Path) -> None:
    layers = find_layers([])
    venv = make_venv(tmp_path, str(tmp_path), layers)
    packages = next((tmp_path / ".venv" / "lib").glob("python*/site-packages"))
    (packages / "numpy.py").write_text("MINE = True\n")

    make_venv(tmp_path, str(tmp_path), layers)

    assert run(venv.python, "import numpy; print(numpy.MINE)") == "True"


def test_links_that_a_sandbox_left_lead_nowhere(tmp_path: Path) -> None:
    layers = find_layers([])
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    victim = tmp_path / "victim"
    victim.write_text("untouched")

    for number, where in enumerate((".venv", ".venv/bin", ".venv/lib", "lib/python")):
        home = tmp_path / f"home{number}"
        make = home / where
        make.parent.mkdir(parents=True)
        make.symlink_to(outside, target_is_directory=True)
        make_venv(home, str(home), layers)
    home = tmp_path / "files"
    make_venv_files = ("pyvenv.cfg", "bin/pip", "bin/python")
    (home / ".venv" / "bin").mkdir(parents=True)
    for name in make_venv_files:
        (home / ".venv" / name).symlink_to(victim)
    os.link(victim, home / ".venv" / "bin" / "pip3")
    make_venv(home, str(home), layers)

    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert victim.read_text() == "untouched"
    assert not (home / ".venv" / "bin" / "pip").is_symlink()


def test_paths_may_be_anything(tmp_path: Path) -> None:
    home = tmp_path / 'it\'s "a" föлder; import os'
    home.mkdir()
    package = tmp_path / "päck'age; raise"
    package.mkdir()
    (package / "only_here.py").write_text("X = 1\n")
    program = "import only_here, sys; print(only_here.X)"
    made = subprocess.run(
        [sys.executable, "-c", _DESCRIBE, str(home)],
        env={**os.environ, "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{package}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(package.name)[-5:] in made.stdout

    assert run(str(home / ".venv" / "bin" / "python"), program) == "1"


@pytest.mark.parametrize("system_packages", [False, True])
def test_the_interpreter_may_be_any_virtual_environments(
    tmp_path: Path, system_packages: bool
) -> None:
    """One of venv's, made with this one's Python; it has this library by a path alone."""
    theirs = tmp_path / "theirs"
    options = ["--without-pip", *(["--system-site-packages"] if system_packages else [])]
    subprocess.run([sys.executable, "-m", "venv", *options, str(theirs)], check=True)
    packages = next((theirs / "lib").glob("python*/site-packages"))
    (packages / "only_theirs.py").write_text("X = 2\n")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "editable_one.py").write_text("X = 3\n")
    (packages / "editable.pth").write_text(f"{linked}\n")
    (packages / "ours.pth").write_text("\n".join(each for each in sys.path if each) + "\n")
    home = tmp_path / "home"
    home.mkdir()

    subprocess.run(
        [str(theirs / "bin" / "python"), "-c", _DESCRIBE, str(home)],
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        check=True,
    )

    program = "import only_theirs, editable_one, numpy, pip; print(only_theirs.X, editable_one.X)"
    assert run(str(home / ".venv" / "bin" / "python"), program) == "2 3"


def test_a_system_python_will_do(tmp_path: Path) -> None:
    python = "/usr/bin/python3"
    needed = "import sys; import site; assert sys.version_info >= (3, 11)"
    if subprocess.run([python, "-c", needed], check=False, capture_output=True).returncode:
        pytest.skip("there is no other Python here that is new enough")
    if Path(python).resolve() == this_interpreter().executable:
        pytest.skip("it is the one that runs the tests")
    home = tmp_path / "home"
    home.mkdir()

    # What is not compiled of this environment is enough to describe the other one.
    made = subprocess.run(
        [python, "-c", _DESCRIBE, str(home)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr

    prefix = run(str(home / ".venv" / "bin" / "python"), "import sys; print(sys.prefix)")
    assert prefix == str(home / ".venv")


def test_beside_what_can_be_imported_nothing_of_the_users_is_seen(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "package" / "data").mkdir(parents=True)
    (project / "package" / "__init__.py").touch()
    (project / "module.py").touch()
    (project / ".env").write_text("SECRET=1")
    (project / "notes").mkdir()
    interpreter = dataclasses.replace(this_interpreter(), folders=(project,))

    assert set(interpreter.loose()) == {project / "package", project / "module.py"}
    assert project not in interpreter.read_only()


def test_what_must_be_seen_of_the_file_system_is_enough_to_run(tmp_path: Path) -> None:
    layers = find_layers([])
    seen = layers.read_only()

    assert this_interpreter().executable in seen
    assert all(path.exists() for path in seen)
    assert Path(seer_rpc.__file__).parents[1] not in seen
    assert Path(str(seer_runtime.__file__)).parent in seen


def test_editable_packages_are_followed(tmp_path: Path) -> None:
    by_path, by_finder, module = tmp_path / "a", tmp_path / "b" / "pkg", tmp_path / "mod.py"
    by_path.mkdir()
    by_finder.mkdir(parents=True)
    module.touch()
    site = tmp_path / "site"
    site.mkdir()
    (site / "one.pth").write_text(f"# note\n\n{by_path}\n/nowhere\nimport sys\n")
    (site / "two.pth").write_text("import __editable___two_1_0_finder; x.install()\n")
    (site / "__editable___two_1_0_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'pkg': {str(by_finder)!r}, 'mod': {str(module)[:-3]!r}}}\n"
    )
    (site / "bad.pth").write_bytes(b"\xff\xfe\n")
    (site / "gone.pth").write_text("import __editable___gone_finder\n")

    assert set(linked_sources(site)) == {by_path, by_finder, module}


@pytest.mark.parametrize(
    ("script", "is_changed"),
    [
        ("#!/opt/x/bin/python3.11\nprint(1)\n", True),
        ("#!/opt/x/bin/python\nprint(1)\n", True),
        ("#!/bin/sh\n'''exec' \"/opt/a b/bin/python\" \"$0\" \"$@\"\n' '''\nprint(1)\n", True),
        ("#!/bin/sh\n'''exec' /opt/x/bin/python3 \"$0\" \"$@\"\n' '''\nprint(1)\n", True),
        ("#!/bin/sh\necho 1\n", False),
        ("#!/usr/bin/perl\n", False),
        ("\x7fELF\n", False),
        ("", False),
    ],
)
def test_scripts_are_made_to_run_with_the_first_python(
    tmp_path: Path, script: str, is_changed: bool
) -> None:
    file = tmp_path / "bin" / "tool"
    file.parent.mkdir()
    file.write_text(script)
    file.chmod(0o755)

    use_first_python(file.parent)

    expected = "#!/usr/bin/env python3\nprint(1)\n" if is_changed else script
    assert file.read_text() == expected
    assert file.stat().st_mode & 0o777 == 0o755


def test_the_interpreters_commands_run_with_the_sandboxes_python(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    layers = find_layers([])
    venv = make_venv(home, str(home), layers)
    packages = next((home / ".venv" / "lib").glob("python*/site-packages"))
    (packages / "iniconfig.py").write_text("raise SystemExit('the sandbox has its own')\n")

    finished = subprocess.run(
        ["pytest", "--version"],
        env={"PATH": f"{venv.path}:/usr/bin:/bin", **venv.variables},
        executable=next(
            str(folder / "pytest") for folder in layers.scripts if (folder / "pytest").exists()
        ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert "the sandbox has its own" in finished.stderr


def test_copies_of_scripts_are_made_once_and_anew_after_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "one").write_text("#!/x/python\n1\n")
    (folder / "pip").write_text("#!/x/python\n1\n")
    first = movable_scripts([folder, tmp_path / "gone"])
    again = movable_scripts([folder])
    (folder / "two").write_text("#!/x/python\n2\n")
    os.utime(folder, (5, 5))
    changed = movable_scripts([folder])

    assert first == again != changed
    assert [path.name for path in first[0].iterdir()] == ["one"]
    assert {path.name for path in changed[0].iterdir()} == {"one", "two"}
    assert os.access(changed[0] / "two", os.X_OK)


@pytest.fixture
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "dirs"))
    (tmp_path / "config" / "pip").mkdir(parents=True)
    return tmp_path


def test_pips_settings_are_ranked_as_pip_does(
    no_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (no_settings / "config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://user/\ntimeout = 5\n[install]\nno-index = true\n"
        "[freeze]\ntimeout = 10\n"
    )
    own = no_settings / "own.conf"
    own.write_text("[global]\nindex_url = https://own/\n")

    assert pip_settings()["index-url"] == "https://user/"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(own))
    assert pip_settings()["index-url"] == "https://own/"
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable/")
    settings = pip_settings()
    assert settings["index-url"] == "https://variable/"
    assert (settings["timeout"], settings["no-index"]) == ("5", "true")
    own.write_text("no ini file at all")
    assert pip_settings()["index-url"] == "https://variable/"


def test_uv_is_told_what_pip_is(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://a/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://b/  https://c/")
    monkeypatch.setenv("PIP_FIND_LINKS", "/x\n/y")
    monkeypatch.setenv("PIP_CERT", "/cert.pem")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    environment = uv_environment()

    assert environment["UV_DEFAULT_INDEX"] == "https://a/"
    assert environment["UV_INDEX"] == "https://b/ https://c/"
    assert environment["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert environment["UV_FIND_LINKS"] == "/x,/y"
    assert environment["SSL_CERT_FILE"] == "/cert.pem"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv/")
    assert uv_environment()["UV_DEFAULT_INDEX"] == "https://uv/"


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
def test_it_works_where_nothing_else_of_this_machine_is_seen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    layers = find_layers([])
    venv = make_venv(home, "/root", layers)
    assert venv.python == "/root/.venv/bin/python"
    seen = [word for path in layers.read_only() for word in ("--ro-bind", str(path), str(path))]
    links = [
        word
        for name in ("bin", "lib", "lib64")
        for word in ("--symlink", f"usr/{name}", f"/{name}")
    ]
    program = (
        "import sys, torch, transformers, seer_runtime.worker, subprocess\n"
        "print(sys.prefix, subprocess.check_output(['pip', '--version'], text=True).split()[0])\n"
        "print(subprocess.check_output(['pytest', '--version'], text=True))"
    )

    finished = subprocess.run(
        [
            *("bwrap", "--unshare-all", "--clearenv", "--ro-bind", "/usr", "/usr", *links),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind", str(home), "/root"),
            *(*seen, "--setenv", "PATH", f"{venv.path}:/usr/bin", "--chdir", "/root"),
            *(venv.python, "-P", "-c", program),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split()[:3] == ["/root/.venv", "pip", "pytest"]
