"""Repositories in sandboxes: fetched outside, where nothing of theirs runs, installed inside."""

from __future__ import annotations

import base64
import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import RepoConfig, Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.environment.git import repos_folder
from seer_rpc.errors import CommandError, ConfigError, ContainerError, RepoError
from seer_rpc.registry import all_sandboxes
from tests.sandboxes.conftest import RunInside

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "tiny"
version = "0.1"
dependencies = [{dependencies}]

[tool.setuptools]
py-modules = ["tiny"]
"""
_PASSWORD = "hunter2-of-the-owner"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", f"with {', '.join(files)}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a cache and a git configuration of one's own."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = n\nemail = n@example.org\n[init]\ndefaultBranch = trunk\n")
    for name in [name for name in os.environ if name.startswith("GIT_CONFIG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("SEER_CACHE", str(tmp_path / "cache"))
    return config


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository of three commits: v1 on trunk, its newest one, and one of a branch."""
    folder = tmp_path / "tiny-repo"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, tiny_py="VALUE = 1\n", pyproject_toml=_PROJECT.format(dependencies=""))
    git(folder, "tag", "v1")
    commit(folder, tiny_py="VALUE = 2\n")
    git(folder, "checkout", "--quiet", "-b", "feature/x")
    commit(folder, tiny_py="VALUE = 3\n")
    git(folder, "checkout", "--quiet", "trunk")
    return folder


@pytest.fixture
def start(backend: str) -> Iterator[Callable[..., Sandbox]]:
    """Start a sandbox with a repository."""
    with contextlib.ExitStack() as stack:

        def start_one(
            url: object, repo: dict[str, object] | None = None, **fields: object
        ) -> Sandbox:
            config = SandboxConfig(
                repos=[RepoConfig(url=str(url), **(repo or {}))],  # type: ignore[arg-type]
                **fields,  # type: ignore[arg-type]
            )
            return stack.enter_context(Sandbox(config, backend=backend))

        yield start_one


def test_a_repository_is_in_the_workspace(start: Callable[..., Sandbox], repo: Path) -> None:
    sandbox = start(repo)

    (handle,) = sandbox.repo_handles
    assert (handle.name, handle.path) == ("tiny-repo", "/workspace/tiny-repo")
    assert handle.revision == git(repo, "rev-parse", "trunk")
    assert sandbox.read_file("/workspace/tiny-repo/tiny.py") == "VALUE = 2\n"
    told = sandbox.exec("git status --short --branch && git log --oneline | wc -l", cwd=handle.path)
    assert told.split() == ["##", "trunk", "2"]
    sandbox.exec("git checkout -qb mine && touch new && git add new", cwd=handle.path)
    assert git(repo, "branch", "--list", "mine") == ""


def test_an_interruption_while_its_files_are_removed_here_leaves_no_sandbox(
    start: Callable[..., Sandbox], repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree

    def interrupted(path: Path, **options: Any) -> None:
        remove(path, **options)
        if "checkout-" in str(path):
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(repo)
    assert not all_sandboxes()


def test_there_are_no_handles_before_the_start(backend: str, repo: Path) -> None:
    config = SandboxConfig(repos=[RepoConfig(url=str(repo))])

    assert Sandbox(config, backend=backend).repo_handles == []


@pytest.mark.parametrize(
    ("revision", "value", "branch"),
    [("v1", 1, ""), ("trunk", 2, "trunk"), ("feature/x", 3, "feature/x")],
)
def test_a_revision_pins_it(
    start: Callable[..., Sandbox], repo: Path, revision: str, value: int, branch: str
) -> None:
    sandbox = start(f"{repo}@{revision}")

    (handle,) = sandbox.repo_handles
    assert handle.revision == git(repo, "rev-parse", revision)
    assert sandbox.read_file("tiny-repo/tiny.py") == f"VALUE = {value}\n"
    assert sandbox.exec("git branch --show-current", cwd=handle.path).strip() == branch


@pytest.mark.parametrize("length", [40, 10])
def test_a_commit_pins_it(start: Callable[..., Sandbox], repo: Path, length: int) -> None:
    first = git(repo, "rev-parse", "v1")

    sandbox = start(f"{repo.as_uri()}@{first[:length]}")

    assert sandbox.repo_handles[0].revision == first
    assert sandbox.read_file("tiny-repo/tiny.py") == "VALUE = 1\n"


def test_what_came_after_a_pin_is_not_there(start: Callable[..., Sandbox], repo: Path) -> None:
    later = git(repo, "rev-parse", "trunk")
    sandbox = start(f"{repo}@v1")

    assert sandbox.exec("git log --all --oneline | wc -l", cwd="tiny-repo").strip() == "1"
    with pytest.raises(CommandError):
        sandbox.exec(["git", "cat-file", "-e", later], cwd="tiny-repo")


def test_a_branch_is_fetched_again_and_a_pinned_commit_is_not(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    pinned = git(repo, "rev-parse", "trunk")
    assert start(repo).repo_handles[0].revision == pinned
    newest = commit(repo, tiny_py="VALUE = 4\n")

    assert start(repo).repo_handles[0].revision == newest
    (repo / ".git" / "objects").rename(repo / "gone")
    assert start(f"{repo}@{pinned}").repo_handles[0].revision == pinned
    with pytest.raises(RepoError):
        start(f"{repo}@trunk")


def test_several_sandboxes_may_start_with_one_at_once(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        sandboxes = list(pool.map(start, [repo] * 4))

    assert {each.read_file("tiny-repo/tiny.py") for each in sandboxes} == {"VALUE = 2\n"}
    assert not list(repos_folder().glob("checkout-*"))


def test_a_revision_that_there_is_not_is_told_with_the_nearest(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    with pytest.raises(RepoError, match="no branch, tag or commit 'feature/y'") as caught:
        start(f"{repo}@feature/y")
    assert "feature/x" in caught.value.hint
    with pytest.raises(RepoError, match="no branch, tag or commit"):
        start(f"{repo}@{'0' * 40}")


def test_a_folder_that_is_no_repository(start: Callable[..., Sandbox], tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(RepoError, match="is no git repository"):
        start(tmp_path / "plain")


def test_a_repository_without_a_commit(start: Callable[..., Sandbox], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    with pytest.raises(RepoError, match="has no commit yet"):
        start(tmp_path / "empty")


def test_a_server_out_of_reach(start: Callable[..., Sandbox]) -> None:
    with socket.socket() as taken:
        # Nobody listens there, and nobody else can.
        taken.bind(("127.0.0.1", 0))
        for scheme in ("http", "git"):
            with pytest.raises(RepoError, match="is out of reach") as caught:
                start(f"{scheme}://127.0.0.1:{taken.getsockname()[1]}/a/b")
            assert "network" in caught.value.hint


def test_without_git_it_is_said_what_to_install(
    start: Callable[..., Sandbox], repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepoError, match="git program") as caught:
        start(repo)
    assert "apt-get install git" in caught.value.hint


def start_daemon(repo: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Serve the folder of a repository at a free port; tell which one."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        options = "--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"
        base = f"--base-path={repo.parent}"
        daemon = subprocess.Popen(
            ["git", "daemon", *options, base], stderr=subprocess.DEVNULL, start_new_session=True
        )
        # It ends where somebody else took the port meanwhile.
        while daemon.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return daemon, port
            time.sleep(0.02)


def test_a_git_daemon(start: Callable[..., Sandbox], repo: Path) -> None:
    daemon, port = start_daemon(repo)
    try:
        sandbox = start(f"git://127.0.0.1:{port}/tiny-repo@feature/x")
        remote = sandbox.exec("git remote get-url origin", cwd="tiny-repo").strip()
    finally:
        os.killpg(daemon.pid, 15)
        daemon.wait()
    assert remote == f"git://127.0.0.1:{port}/tiny-repo"
    assert sandbox.read_file("tiny-repo/tiny.py") == "VALUE = 3\n"


@contextlib.contextmanager
def serving(repo: Path, seen: list[str]) -> Iterator[str]:
    """Serve a repository for a password alone, and look meanwhile at what everybody sees."""
    bare = repo.parent / "served" / "tiny.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(repo), str(bare)], check=True)
    git(bare, "update-server-info")
    wanted = f"Basic {base64.b64encode(f'me:{_PASSWORD}'.encode()).decode()}"

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(bare.parent))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.append(file.read_text(errors="replace"))
            if self.headers.get("Authorization") == wanted:
                super().do_GET()
                return
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_private_repository_without_a_credential(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    with serving(repo, []) as address, pytest.raises(RepoError, match="or it is private") as caught:
        start(f"http://{address}/tiny.git")
    assert "credential" in caught.value.hint


def test_a_credential_is_used_and_stays_outside(
    start: Callable[..., Sandbox], repo: Path, tmp_path: Path
) -> None:
    seen: list[str] = []
    with serving(repo, seen) as address:
        sandbox = start(f"http://me:{_PASSWORD}@{address}/tiny.git@trunk")
        assert sandbox.exec("git remote get-url origin", cwd="tiny").split() == [
            f"http://{address}/tiny.git"
        ]
        with pytest.raises(RepoError) as caught:
            start(f"http://me:{_PASSWORD}x@{address}/tiny.git@trunk")

    assert seen
    assert not any(_PASSWORD in each for each in seen)
    assert _PASSWORD not in str(caught.value)
    assert _PASSWORD not in repr(sandbox.repo_handles)
    with pytest.raises(CommandError):
        sandbox.exec(["grep", "-r", _PASSWORD, "."])
    with pytest.raises(CommandError):
        sandbox.exec(f"env | grep -F {_PASSWORD}")
    for file in (tmp_path / "cache").rglob("*"):
        assert not file.is_file() or _PASSWORD.encode() not in file.read_bytes(), file


def test_a_credential_helper_of_the_user_is_asked(
    start: Callable[..., Sandbox], repo: Path, own_settings: Path
) -> None:
    with own_settings.open("a") as config:
        helper = f"!f() {{ echo username=me; echo password={_PASSWORD}; }}; f"
        config.write(f'[credential]\nhelper = "{helper}"\n')

    with serving(repo, []) as address:
        sandbox = start(f"http://{address}/tiny.git")

    assert sandbox.read_file("tiny/tiny.py") == "VALUE = 2\n"


def test_what_a_repository_brings_runs_nothing_here(
    start: Callable[..., Sandbox], repo: Path, tmp_path: Path, own_settings: Path
) -> None:
    """Hooks, filters, monitors, submodules and links, in it and in what git makes of it."""
    ran = tmp_path / "ran"
    touch = f"touch {ran}"
    template = tmp_path / "template" / "hooks"
    for hooks in (repo / ".git" / "hooks", template):
        hooks.mkdir(parents=True, exist_ok=True)
        for name in ("post-checkout", "post-merge", "pre-auto-gc", "reference-transaction"):
            (hooks / name).write_text(f"#!/bin/sh\n{touch}\n")
            (hooks / name).chmod(0o755)
    commit(
        repo,
        _gitattributes="* filter=evil diff=evil merge=evil\n",
        _gitmodules=f'[submodule "x"]\npath = x\nurl = "ext::{touch}"\nupdate = "!{touch}"\n',
        _gitconfig=f"[core]\nfsmonitor = {touch}\n",
    )
    (repo / "passwd").symlink_to("/etc/passwd")
    (repo / "up").symlink_to("../../..")
    git(repo, "-c", "core.hooksPath=/dev/null", "add", "--all")
    git(repo, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "links")
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand", "core.pager"):
        git(repo, "config", key, touch)
    for key in ("filter.evil.smudge", "filter.evil.process", "filter.evil.clean"):
        git(repo, "config", key, touch)
    with own_settings.open("a") as config:
        config.write(f"[init]\ntemplateDir = {template.parent}\n")
        config.write(f'[filter "evil"]\nsmudge = {touch}\n')
    ran.unlink(missing_ok=True)

    sandbox = start(repo)

    assert not ran.exists()
    links = {info.path: info.kind for info in sandbox.list_files("tiny-repo")}
    kinds = {path.rpartition("/")[2]: kind for path, kind in links.items()}
    assert (kinds["passwd"], kinds["up"]) == ("link", "link")
    assert not list(repos_folder().glob("checkout-*"))
    found = sandbox.exec("ls .git/hooks 2>/dev/null; cat .git/config", cwd="tiny-repo")
    assert "evil" not in found
    assert "post-checkout" not in found


def test_the_users_rewriting_of_urls_does_not_widen_what_git_may_do(
    start: Callable[..., Sandbox], tmp_path: Path, own_settings: Path
) -> None:
    ran = tmp_path / "ran"
    with own_settings.open("a") as config:
        config.write(f'[url "ext::touch {ran} "]\ninsteadOf = https://rewritten.example/\n')
        config.write("[protocol]\nallow = always\n")

    with pytest.raises(RepoError, match="cannot be fetched"):
        start("https://rewritten.example/a/b")
    assert not ran.exists()


# Installing.


def test_a_package_is_installed_so_that_it_can_be_edited(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    commit(repo, pyproject_toml=_PROJECT.format(dependencies='"packaging"'))

    sandbox = start(repo, {"install": True}, block_network=True, python_packages=["setuptools>=64"])

    assert sandbox.exec_python("import tiny; print(tiny.VALUE)") == "2\n"
    sandbox.write_file("/workspace/tiny-repo/tiny.py", "VALUE = 'edited'\n")
    assert sandbox.exec_python("import tiny; print(tiny.VALUE)") == "edited\n"


def packaged(folder: Path, parent: str) -> RepoConfig:
    """Make a repository with a package of its own name in one of its folders."""
    folder.mkdir()
    git(folder, "init", "--quiet")
    project, *_ = _PROJECT.replace("tiny", folder.name).partition("[tool")
    found = f"[tool.setuptools.packages.find]\nwhere = [{parent!r}]\n"
    package = (folder / parent / folder.name).relative_to(folder)
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text(f"VALUE = 'of {folder.name}'\n")
    (folder / package / "part.py").touch()
    commit(folder, pyproject_toml=project.format(dependencies="") + found)
    return RepoConfig(url=str(folder), install=True)


def test_a_repository_that_is_called_as_its_package_does_not_hide_it(
    backend: str, tmp_path: Path, run_inside: RunInside
) -> None:
    repos = [packaged(tmp_path / "circuits", "."), packaged(tmp_path / "lenses", "src")]
    config = SandboxConfig(repos=repos, block_network=True, python_packages=["setuptools>=64"])
    source = "import circuits.part, lenses.part\nresult = circuits.VALUE, lenses.VALUE"

    with ScopedSandbox(config, backend=backend) as sandbox:
        assert run_inside(sandbox, source) == ("of circuits", "of lenses")
        assert sandbox.exec_python(f"{source}\nprint(*result)") == "of circuits of lenses\n"
        # Where a package is found anyway, nothing is added to the path.
        assert "No module named 'src'" in sandbox.run_python("import src").stderr


def test_what_it_needs_and_cannot_fetch_is_named(start: Callable[..., Sandbox], repo: Path) -> None:
    commit(repo, pyproject_toml=_PROJECT.format(dependencies='"no-such-package-here"'))

    with pytest.raises(RepoError) as caught:
        start(repo, {"install": True}, block_network=True, python_packages=["setuptools>=64"])
    assert "tiny-repo cannot be installed" in caught.value.message
    assert "no-such-package-here" in caught.value.message
    assert "python_packages" in caught.value.hint


def test_a_package_that_does_not_build_is_told(start: Callable[..., Sandbox], repo: Path) -> None:
    commit(repo, pyproject_toml="[project]\nname = 'x'\n")

    with pytest.raises(RepoError, match="tiny-repo cannot be installed") as caught:
        start(repo, {"install": True}, block_network=True)
    assert len(str(caught.value)) < 1500


def test_a_repository_without_a_package_is_told(start: Callable[..., Sandbox], repo: Path) -> None:
    git(repo, "rm", "--quiet", "pyproject.toml")
    commit(repo)

    with pytest.raises(RepoError, match=r"cannot be installed: .*(setup|pyproject)"):
        start(repo, {"install": True}, block_network=True)


def test_a_command_of_ones_own_installs_it(start: Callable[..., Sandbox], repo: Path) -> None:
    sandbox = start(repo, {"install": "echo done > installed && pwd >> installed"})

    assert sandbox.read_file("tiny-repo/installed").startswith("done\n")
    with pytest.raises(RepoError, match="cannot be installed") as caught:
        start(repo, {"install": "echo it is 'not here' >&2; exit 3"})
    assert "it is not here" in caught.value.message


# Containers.


_DOCKER = """\
#!/bin/sh
log={log}
for each in "$@"; do printf '%s\\n' "$each" >> $log; done
echo "KEY=$KEY HF_TOKEN=$HF_TOKEN" >> $log
case $1 in
  version) echo 27.0 ;;
  build) for last; do :; done; ls "$last" >> $log; {build} ;;
  run) echo pulling; echo 0123456789abcdef ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a program on PATH in docker's place; gives the file of what it was told."""

    def stand_in(build: str = "true") -> Path:
        folder, log = tmp_path / "docker-bin", tmp_path / "docker-log"
        folder.mkdir()
        program = folder / "docker"
        program.write_text(_DOCKER.format(log=log, build=build))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return log

    return stand_in


def test_a_container_is_built_and_run_and_ends_with_the_sandbox(
    start: Callable[..., Sandbox],
    repo: Path,
    docker: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf-secret-value")
    commit(repo, docker__Dockerfile="FROM scratch\n")
    log = docker()
    sandbox = start(
        repo,
        {"dockerfile": "docker/Dockerfile"},
        # Which program it is, the sandbox's own path does not say.
        env={"KEY": "a value; $(id)", "PATH": "/nowhere:/usr/bin:/bin"},
        secrets=["HF_TOKEN"],
        memory=512,
        cpus=1.5,
        processes=64,
        block_network=True,
    )
    (handle,) = sandbox.repo_handles
    sandbox.write_file("/workspace/tiny-repo/added", "in the sandbox alone")

    container = sandbox.start_container(handle)

    assert container.id == "0123456789abcdef"
    assert container.name == f"seer-{sandbox.sandbox_id}-tiny-repo"
    told = log.read_text()
    for option in ("--memory=512m", "--cpus=1.5", "--pids-limit=64", "--network=none", "--detach"):
        assert option in told.splitlines()
    assert f"seer.sandbox={sandbox.sandbox_id}" in told.splitlines()
    assert "tiny.py" in told.splitlines()
    assert "added" not in told.splitlines()
    # By name on the command line, by value in docker's own environment.
    assert "KEY=a value; $(id) HF_TOKEN=hf-secret-value" in told.splitlines()
    assert "KEY" in told.splitlines()
    secret = [line for line in told.splitlines() if "hf-secret-value" in line]
    assert all(line.startswith("KEY=") for line in secret)
    sandbox.terminate()
    assert log.read_text().splitlines()[-6:-1] == [
        *("rm", "--force", "--volumes", "--", container.id)
    ]


def test_an_image_that_does_not_build_is_told(
    start: Callable[..., Sandbox], repo: Path, docker: Callable[..., Path]
) -> None:
    commit(repo, Dockerfile="FROM scratch\n")
    docker("echo 'RUN make: make: not found' >&2; exit 2")
    sandbox = start(repo, {"dockerfile": "Dockerfile"})

    with pytest.raises(ContainerError, match="make: not found") as caught:
        sandbox.start_container(sandbox.repo_handles[0])
    assert caught.value.log


def test_a_dockerfile_that_leads_out_of_its_repository_is_refused(
    start: Callable[..., Sandbox], repo: Path, docker: Callable[..., Path]
) -> None:
    log = docker()
    (repo / "Dockerfile").symlink_to("/etc/passwd")
    commit(repo)
    sandbox = start(repo, {"dockerfile": "Dockerfile"})

    with pytest.raises(ContainerError, match="leads out of the repository"):
        sandbox.start_container(sandbox.repo_handles[0])
    assert "build" not in log.read_text().splitlines()


def test_without_docker_it_is_said_what_is_missing(
    start: Callable[..., Sandbox], repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit(repo, Dockerfile="FROM scratch\n")
    sandbox = start(repo, {"dockerfile": "Dockerfile"})

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    with pytest.raises(ContainerError, match=r"need.* Docker"):
        sandbox.start_container(sandbox.repo_handles[0])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ContainerError, match="Docker, which is not here"):
        sandbox.start_container(sandbox.repo_handles[0])


def test_a_repository_without_a_dockerfile_has_no_container(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    sandbox = start(repo)

    with pytest.raises(ConfigError, match="has no Dockerfile") as caught:
        sandbox.start_container(sandbox.repo_handles[0])
    assert "dockerfile=" in caught.value.hint


def test_a_dockerfile_that_there_is_not_is_told_before_the_start(
    start: Callable[..., Sandbox], repo: Path
) -> None:
    commit(repo, docker__Dockerfile="FROM scratch\n")
    with pytest.raises(RepoError, match="has no file Dockerfile") as caught:
        start(repo, {"dockerfile": "Dockerfile"})
    assert "docker/Dockerfile" in caught.value.hint
