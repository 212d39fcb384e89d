"""python_packages on this machine: what is installed, from where, how often, and what fails how."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from seer_rpc.backends.local.python import Layers, find_layers, make_venv, overlays, prune_overlays
from seer_rpc.backends.local.python.interpreter import Interpreter, this_interpreter
from seer_rpc.backends.local.python.overlays import find_overlay, overlays_folder
from seer_rpc.client import Session
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import PackageInstallError
from tests.integration.wheels import make_source, make_wheel

_INSTALLERS = ["uv", "pip"]
_STARTER = """
import sys
from packaging.requirements import Requirement
from seer_rpc.backends.local.python import find_layers
print(find_layers([Requirement(each) for each in sys.argv[1:]]).overlay)
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have packages come from a folder alone, and the cache be empty."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(params=_INSTALLERS)
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have uv here, or not."""
    if request.param == "pip":
        hide_uv(monkeypatch)
    return str(request.param)


def hide_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    folders = os.environ["PATH"].split(os.pathsep)
    kept = [each for each in folders if not Path(each, "uv").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))
    assert shutil.which("uv") is None


def overlay_of(*requirements: str) -> Path | None:
    return find_layers([Requirement(each) for each in requirements]).overlay


def names_in(overlay: Path | None) -> set[str]:
    assert overlay is not None
    return {each.name.partition(".dist-info")[0] for each in overlay.glob("*.dist-info")}


def run_in(venv_home: Path, layers: Layers, *command: str) -> str:
    venv = make_venv(venv_home, str(venv_home), layers)
    finished = subprocess.run(
        command,
        env={"PATH": f"{venv.path}:/usr/bin:/bin", "HOME": str(venv_home), **venv.variables},
        cwd=venv_home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_only_what_is_missing_is_installed(index: Path, installer: str) -> None:
    make_wheel(index, "alpha_pkg", "1.0", requires=("beta-pkg", "packaging", "numpy>=2"))
    make_wheel(index, "beta_pkg", "2.0")
    make_wheel(index, "packaging", "99.0")

    overlay = overlay_of("alpha-pkg", "torch", "pytest")

    assert names_in(overlay) == {"alpha_pkg-1.0", "beta_pkg-2.0"}


def test_where_nothing_is_missing_nothing_is_installed(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_uv(monkeypatch)
    monkeypatch.setitem(sys.modules, "pip", None)

    assert overlay_of("torch>=2", "numpy", "pytest", "transformers") is None
    assert overlay_of() is None


def test_without_an_installer_it_is_said_which_ones_there_are(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_uv(monkeypatch)
    monkeypatch.setitem(sys.modules, "pip", None)

    with pytest.raises(PackageInstallError, match="neither uv nor pip") as caught:
        overlay_of("alpha-pkg")
    assert "ensurepip" in caught.value.hint


def test_another_version_lies_over_the_interpreters_own(
    index: Path, installer: str, tmp_path: Path
) -> None:
    make_wheel(index, "iniconfig", "0.0.1")
    layers = find_layers([Requirement("iniconfig==0.0.1")])

    program = "import iniconfig, torch; print(iniconfig.VERSION, torch.__file__)"
    version, torch = run_in(tmp_path, layers, "python", "-c", program).split()

    assert version == "0.0.1"
    assert torch == importlib_file("torch")
    assert importlib_file("iniconfig") != str(layers.overlay)


def importlib_file(module: str) -> str:
    program = f"import {module}; print({module}.__file__)"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_second_time_nothing_is_resolved(
    index: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index, "alpha_pkg", "1.0")
    first = overlay_of("alpha-pkg", "numpy")
    shutil.rmtree(index)
    hide_uv(monkeypatch)
    monkeypatch.setitem(sys.modules, "pip", None)

    # Neither the index nor anything that could ask it is there any more.
    assert overlay_of("numpy", "alpha-pkg") == first


def test_a_sandbox_has_its_packages_and_their_commands(index: Path) -> None:
    code = "def main(): print('hello from alpha')\n"
    make_wheel(index, "alpha_pkg", "1.0", code=code, command="alpha")

    with Sandbox(SandboxConfig(python_packages=["alpha-pkg"])) as sandbox:
        assert sandbox.exec("alpha") == "hello from alpha\n"
        assert sandbox.exec_python("import alpha_pkg; alpha_pkg.main()") == "hello from alpha\n"
        assert "alpha-pkg" in sandbox.exec("pip list --format freeze").replace("_", "-")


@pytest.fixture
def with_gamma(tmp_path: Path) -> Callable[[str], Interpreter]:
    """An interpreter that has `gamma_pkg` in a version, beside what this one has."""
    folder = tmp_path / "site"

    def have(version: str) -> Interpreter:
        shutil.rmtree(folder, ignore_errors=True)
        info = folder / f"gamma_pkg-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: gamma-pkg\nVersion: {version}\n"
        )
        here = this_interpreter()
        return dataclasses.replace(here, folders=(folder, *here.folders))

    return have


def test_an_overlay_is_made_anew_when_a_package_below_it_has_changed(
    index: Path, with_gamma: Callable[[str], Interpreter]
) -> None:
    make_wheel(index, "alpha_pkg", "1.0", requires=("gamma-pkg>=1",))
    make_wheel(index, "gamma_pkg", "9.0")
    wanted = [Requirement("alpha-pkg")]

    first = find_overlay(wanted, with_gamma("1.0"))
    again = find_overlay(wanted, with_gamma("1.0"))
    changed = find_overlay(wanted, with_gamma("2.0"))
    too_old = find_overlay(wanted, with_gamma("0.5"))

    assert names_in(first) == {"alpha_pkg-1.0"}
    assert again == first
    assert changed != first
    assert names_in(changed) == {"alpha_pkg-1.0"}
    assert names_in(too_old) == {"alpha_pkg-1.0", "gamma_pkg-9.0"}
    assert first is not None, "sandboxes that run may still use it"
    assert first.is_dir()


def test_a_package_that_has_come_or_gone_elsewhere_changes_nothing(
    index: Path, with_gamma: Callable[[str], Interpreter]
) -> None:
    make_wheel(index, "alpha_pkg", "1.0")
    wanted = [Requirement("alpha-pkg")]

    assert find_overlay(wanted, with_gamma("1.0")) == find_overlay(wanted, with_gamma("2.0"))


def test_what_no_longer_goes_together_is_told(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    for name, version, requires in (
        ("gamma_pkg", "1.0", ""),
        ("delta_pkg", "1.0", "Requires-Dist: gamma-pkg<2\n"),
    ):
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        )
    here = this_interpreter()
    interpreter = dataclasses.replace(here, folders=(site, *here.folders))
    make_wheel(index, "gamma_pkg", "2.0")

    for _ in range(2):
        find_overlay([Requirement("gamma-pkg==2.0")], interpreter)
        assert "delta-pkg 1.0 needs gamma-pkg<2, not 2.0" in capsys.readouterr().err


def test_a_file_that_is_named_is_looked_at_again(index: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "alpha_pkg", "1.0")
    requirement = f"alpha-pkg @ {wheel.as_uri()}"
    first = overlay_of(requirement)
    assert overlay_of(requirement) == first

    make_wheel(tmp_path, "alpha_pkg", "1.0", code="VERSION = 'new'\n")
    os.utime(wheel, (1, 1))
    second = overlay_of(requirement)

    assert second is not None
    assert second != first
    assert "new" in (second / "alpha_pkg.py").read_text()


def start(*requirements: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _STARTER, *requirements],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_those_who_want_the_same_at_once_wait_for_one_build(index: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    before = f"open({str(built)!r}, 'a').write('x'); import time; time.sleep(1)"
    make_source(index, "alpha_pkg", "1.0", before)

    processes = [start("alpha-pkg") for _ in range(4)]
    outputs = {process.communicate(timeout=60)[0].strip() for process in processes}

    assert len(outputs) == 1
    assert built.read_text() == "x"
    assert names_in(Path(outputs.pop())) == {"alpha_pkg-1.0"}


def test_a_build_that_was_killed_leaves_nothing_half(
    index: Path, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    begun, hold = tmp_path / "begun", tmp_path / "hold"
    hold.touch()
    before = (
        f"import os, time; open({str(begun)!r}, 'w').close()\n"
        f"    while os.path.exists({str(hold)!r}): time.sleep(0.05)"
    )
    make_source(index, "alpha_pkg", "1.0", before)
    process = start("alpha-pkg")
    wait_until(begun.exists)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(overlays()) == []
    assert list(overlays_folder().glob("*.partial-*"))

    # What the killed one had started goes on; the next one waits until that is over.
    threading.Timer(0.5, hold.unlink).start()
    overlay = overlay_of("alpha-pkg")

    assert names_in(overlay) == {"alpha_pkg-1.0"}
    assert not list(overlays_folder().glob("*.partial-*"))


def test_overlays_are_listed_and_removed_when_nothing_uses_them(index: Path) -> None:
    make_wheel(index, "alpha_pkg", "1.0")
    make_wheel(index, "beta_pkg", "1.0")
    old, new = overlay_of("alpha-pkg"), overlay_of("beta-pkg")
    assert old is not None
    assert new is not None
    assert [each.requirements for each, _ in overlays()] in (
        [["alpha-pkg"], ["beta-pkg"]],
        [["beta-pkg"], ["alpha-pkg"]],
    )
    long_ago = time.time() - 31 * 24 * 3600
    for file in overlays_folder().glob("*.json"):
        if json.loads(file.read_bytes())["folder"] == old.name:
            os.utime(file, (long_ago, long_ago))
    os.utime(old, (long_ago, long_ago))

    assert prune_overlays() == [old.name]
    assert not old.exists()
    assert [each.path for each, _ in overlays()] == [new]
    assert overlay_of("alpha-pkg") not in (None, old)


# What fails.


def test_a_package_that_there_is_not(index: Path, installer: str) -> None:
    with pytest.raises(PackageInstallError) as caught:
        overlay_of("no-such-package-here", "pytest")

    assert caught.value.package == "no-such-package-here"
    assert "there is no package no-such-package-here" in caught.value.message
    assert "pytest" not in caught.value.message
    assert "spelling" in caught.value.hint
    assert not list(overlays_folder().glob("*partial*"))


def test_a_version_that_there_is_not(index: Path, installer: str) -> None:
    make_wheel(index, "alpha_pkg", "1.0")

    with pytest.raises(PackageInstallError, match="there is no alpha-pkg==3") as caught:
        overlay_of("alpha-pkg==3")
    assert caught.value.package == "alpha-pkg"
    assert "pin" in caught.value.hint


def test_pins_that_conflict(index: Path, installer: str) -> None:
    make_wheel(index, "alpha_pkg", "1.0", requires=("beta-pkg<2",))
    make_wheel(index, "beta_pkg", "1.0")
    make_wheel(index, "beta_pkg", "2.0")

    with pytest.raises(PackageInstallError) as caught:
        overlay_of("alpha-pkg==1.0", "beta-pkg==2.0")
    assert "cannot be had together" in caught.value.message
    assert "alpha-pkg" in caught.value.message
    assert "beta-pkg<2" in caught.value.message
    assert "pinned" in caught.value.hint
    assert len(str(caught.value)) < 800


def test_what_serves_calls_is_not_taken_from_under_it(index: Path, installer: str) -> None:
    make_wheel(index, "pydantic", "1.10.2")

    with pytest.raises(PackageInstallError) as caught:
        overlay_of("pydantic==1.10.2")
    assert "what serves calls in a sandbox needs pydantic" in caught.value.message


def test_a_package_that_cannot_be_built(index: Path, installer: str) -> None:
    before = (
        "print('x.c:1:10: fatal error: portaudio.h: No such file or directory', file=sys.stderr)\n"
        "    raise SystemExit(1)"
    )
    make_source(index, "alpha_pkg", "1.0", before)

    with pytest.raises(PackageInstallError) as caught:
        overlay_of("alpha-pkg")
    assert caught.value.package.replace("_", "-") == "alpha-pkg"
    assert "cannot be built" in caught.value.message
    assert "portaudio.h" in caught.value.message
    assert "portaudio19-dev" in caught.value.hint
    assert len(str(caught.value)) < 800


def test_a_package_without_a_wheel_for_this_python(index: Path) -> None:
    make_wheel(index, "alpha_pkg", "1.0", tag="cp27-cp27m-win_amd64")

    with pytest.raises(PackageInstallError, match="no wheel for this system") as caught:
        overlay_of("alpha-pkg==1.0")
    assert caught.value.package == "alpha-pkg"


def test_a_file_that_is_not_there(
    index: Path, installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    missing = tmp_path / "alpha_pkg-1.0-py3-none-any.whl"

    with pytest.raises(PackageInstallError, match=str(missing)) as caught:
        overlay_of(f"alpha-pkg @ {missing.as_uri()}")
    assert caught.value.package == "alpha-pkg"


def test_an_index_out_of_reach(
    index: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:hunter2@127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")

    with pytest.raises(PackageInstallError) as caught:
        overlay_of("alpha-pkg")
    assert "alpha-pkg cannot be fetched" in caught.value.message
    assert "network" in caught.value.hint
    assert "hunter2" not in str(caught.value)


# Where packages come from.


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as an index that wants a password; gives its address and who asked."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization") or "")
            if not asked[-1]:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.end_headers()
                return
            super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_what_pip_is_configured_with_counts_for_uv(
    index: Path, installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = tmp_path / "simple" / "alpha-pkg"
    simple.mkdir(parents=True)
    wheel = make_wheel(simple, "alpha_pkg", "1.0", requires=("beta-pkg",))
    (simple / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    links = tmp_path / "links"
    links.mkdir()
    make_wheel(links, "beta_pkg", "1.0")
    config = tmp_path / "pip.conf"
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    with serving(tmp_path / "simple") as (address, asked):
        config.write_text(
            f"[global]\nindex-url = http://me:hunter2@{address}/\nextra-index-url =\n"
            f"[install]\nfind-links =\n    {links}\n    {index}\n"
        )
        overlay = overlay_of("alpha-pkg")

    assert names_in(overlay) == {"alpha_pkg-1.0", "beta_pkg-1.0"}
    assert any(each.startswith("Basic ") for each in asked)
    assert overlay is not None
    for file in overlays_folder().rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes(), file


def test_a_password_in_a_requirement_stays_out_of_the_cache(index: Path, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    wheel = make_wheel(served, "alpha_pkg", "1.0")

    with serving(served) as (address, _):
        overlay = overlay_of(f"alpha-pkg @ http://me:hunter2@{address}/{wheel.name}")

    assert names_in(overlay) == {"alpha_pkg-1.0"}
    for file in overlays_folder().rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes(), file


def test_a_package_of_pypi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        socket.create_connection(("pypi.org", 443), 5).close()
    except OSError as error:
        pytest.skip(f"needs the network: {error}")
    monkeypatch.setenv("SEER_CACHE", str(tmp_path / "cache"))

    assert "cowsay-6.1" in names_in(overlay_of("cowsay==6.1"))


# In the sandbox.

_INTERFACE = """
import subprocess
import sys

@expose
def where() -> list[str]:
    import alpha_pkg, torch
    return [sys.prefix, alpha_pkg.__file__, torch.__file__]

@expose
def pip(arguments: list[str]) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

@expose
def version(name: str) -> str:
    code = f"import {name}; print({name}.VERSION, {name}.__file__)"
    return subprocess.run(["python", "-c", code], capture_output=True, text=True, check=True).stdout
"""


def test_interfaces_have_the_packages_and_install_their_own(
    index: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    make_wheel(index, "alpha_pkg", "1.0")
    mine = tmp_path / "mine"
    mine.mkdir()
    wheel = make_wheel(mine, "alpha_pkg", "2.0")
    config = SandboxConfig(
        python_packages=["alpha-pkg"], local_files=[(wheel, f"/root/{wheel.name}")]
    )
    here = importlib_file("torch")

    with ScopedSandbox(config) as scoped:
        library = scoped.serve(write(_INTERFACE))
        with Session(library.connection) as session:
            prefix, alpha, torch = session.call("where", [], {})
            assert prefix.endswith("/.venv")
            assert Path(alpha).is_relative_to(overlays_folder())
            assert torch == here
            arguments = ["install", "--no-index", "--find-links", ".", "alpha-pkg==2.0"]
            assert "Successfully installed" in session.call("pip", [arguments], {})
            version, file = session.call("version", ["alpha_pkg"], {}).split()
            assert (version, file.startswith(prefix)) == ("2.0", True)

    assert "1.0" in Path(alpha).read_text()


def test_a_sandbox_sees_all_packages_and_keeps_its_own_to_itself(index: Path) -> None:
    with Sandbox() as first, Sandbox() as second:
        listed = first.exec("pip list --format freeze")
        assert "torch==" in listed
        wheel = make_wheel(index, "alpha_pkg", "1.0", code="def main(): print(1)", command="alpha")
        first.upload_file(wheel)
        first.exec(f"pip install --no-index ./{wheel.name}")

        assert first.exec("alpha") == "1\n"
        assert second.run("alpha").exit_code == 127
        with pytest.raises(ImportError):
            __import__("alpha_pkg")


def test_variables_are_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "value-of-my-token")
    config = SandboxConfig(env={"KEY": "value-of-my-key"}, secrets=["MY_TOKEN"])

    with Sandbox(config) as sandbox:
        assert sandbox.exec("echo $KEY $MY_TOKEN") == "value-of-my-key value-of-my-token\n"
        shown = [repr(sandbox), repr(sandbox.config), repr(vars(sandbox)), str(sandbox.config)]
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                shown.append(file.read_text(errors="replace"))
        assert sandbox._run is not None
        shown += sandbox._run.machine.logs(1000)
    assert not any("value-of-my" in each for each in shown)
