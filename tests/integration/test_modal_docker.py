"""Docker inside of sandboxes on Modal, where a program stands in for the engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.modal_emulator.requirements import require_modal

require_modal()

from seer_rpc.environment import RepoConfig, Sandbox, SandboxConfig  # noqa: E402
from seer_rpc.errors import ContainerError  # noqa: E402
from seer_rpc.registry import all_sandboxes  # noqa: E402

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator

pytestmark = pytest.mark.usefixtures("modal_emulator")

_DOCKER = """\
#!/bin/sh
for each in "$@"; do printf '%s\\n' "$each" >> /tmp/told; done
case $1 in
  version) test -e /tmp/engine ;;
  build) for last; do :; done; ls -A "$last" >> /tmp/told; readlink "$last/link" >> /tmp/told
    {build} ;;
  run) echo "KEY=$KEY HF_TOKEN=$HF_TOKEN" >> /tmp/told; echo pulling >&2; echo 0123456789abcdef ;;
esac
"""
_ENGINE = '#!/bin/sh\necho "dockerd $*" >> /tmp/told; touch /tmp/engine; exec sleep 600\n'
_DEAD_ENGINE = "#!/bin/sh\necho 'no such module: overlay' >&2; exit 1\n"
_DEAF_ENGINE = "#!/bin/sh\necho 'still looking'; exec sleep 600\n"

Start = Callable[..., Sandbox]


@pytest.fixture(params=[None, "H100"], ids=["V2", "V1"])
def gpu(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The GPUs, which decide between the two kinds of sandboxes."""
    return {} if request.param is None else {"gpu": request.param, "gpu_count": 2}


one_kind = pytest.mark.parametrize("gpu", [None], indirect=True, ids=["V2"])
"""For what is the same for both kinds of sandboxes."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep repositories out of the user's cache."""
    monkeypatch.setenv("SEER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with a Dockerfile, and a link that leads out of it."""
    folder = tmp_path / "tiny-repo"
    (folder / "docker").mkdir(parents=True)
    (folder / "docker" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "tiny.py").write_text("VALUE = 1\n")
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "Dockerfile").symlink_to("/etc/passwd")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm one"):
        subprocess.run(["git", "-C", str(folder), *command.split()], check=True)
    return folder


@pytest.fixture
def start(gpu: dict[str, Any], repo: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a sandbox with the repository; programs stand in for Docker's where there are some."""
    started: list[Sandbox] = []

    def start_one(
        engine: str = _ENGINE,
        build: str = "true",
        dockerfile: str = "docker/Dockerfile",
        **fields: Any,
    ) -> Sandbox:
        programs = tmp_path / "programs"
        programs.mkdir()
        for name, source in (("docker", _DOCKER.replace("{build}", build)), ("dockerd", engine)):
            if source:
                (programs / name).write_text(source)
                (programs / name).chmod(0o755)
        environment = {"PATH": f"/root/programs:{sys.prefix}/bin:/usr/bin:/bin"}
        config = SandboxConfig(
            **gpu,
            repos=[RepoConfig(str(repo), dockerfile=dockerfile)],
            local_dirs=[(programs, "/root/programs")],
            env=environment | fields.pop("env", {}),
            **fields,
        )
        started.append(Sandbox(config, backend="modal"))
        return started[-1].start()

    yield start_one
    for sandbox in started:
        sandbox.terminate()


def told(sandbox: Sandbox) -> list[str]:
    """Give what the programs were told."""
    return sandbox.read_file("/tmp/told").splitlines()


def test_its_own_programs_have_docker(modal_emulator: ModalEmulator, start: Start) -> None:
    sandbox = start(docker=True, system_packages=["git"])
    (asked,) = modal_emulator.running

    assert dict(asked.definition.experimental_options_v2) == {"enable_docker_in_gvisor": "True"}
    layers = "\n".join(asked.image.layers)
    assert layers.index("docker.io") < layers.index("apt-get install -y git")
    sandbox.exec("docker version")
    assert [line for line in told(sandbox) if line.startswith("dockerd ")] == [
        "dockerd --iptables=false --ip6tables=false"
    ]


def test_a_sandbox_without_the_option_has_none(modal_emulator: ModalEmulator, start: Start) -> None:
    # This machine, whose system the emulation has, may have Docker.
    sandbox = start(engine="", env={"PATH": f"{sys.prefix}/bin"})
    (asked,) = modal_emulator.running

    assert not asked.definition.experimental_options_v2
    assert "docker" not in "\n".join(asked.image.layers)
    with pytest.raises(ContainerError, match="there is no Docker in it") as caught:
        sandbox.start_container(sandbox.repo_handles[0])
    assert "docker=True" in caught.value.hint


def test_a_container_is_built_and_run_inside(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf-secret-value")
    sandbox = start(docker=True, env={"KEY": "a value; $(id)"}, secrets=["HF_TOKEN"], memory=512)
    (handle,) = sandbox.repo_handles
    sandbox.write_file("/workspace/tiny-repo/added", "in the sandbox alone")

    container = sandbox.start_container(handle)

    assert container.id == "0123456789abcdef"
    assert container.name == f"seer-{sandbox.sandbox_id}-tiny-repo"
    lines = told(sandbox)
    place = next(line for line in lines if line.startswith("/tmp/seer-build-"))
    assert place.endswith("/docker/Dockerfile")
    assert {"tiny.py", "docker", "/etc/hostname", "--detach"} <= set(lines)
    assert lines.count("--network=host") == 2
    assert not {"added", "--memory=512m"} & set(lines)
    # By name on the command line, by value in docker's own environment.
    assert "KEY=a value; $(id) HF_TOKEN=hf-secret-value" in lines
    assert "KEY" in lines
    assert [line for line in lines if "hf-secret-value" in line and "KEY=" not in line] == []
    assert sandbox.exec("ls -d /tmp/seer-build-* || true") == ""


def test_who_attaches_to_it_starts_one_too(start: Start) -> None:
    owner = start(docker=True)

    with Sandbox.from_id(owner.sandbox_id) as sandbox:
        container = sandbox.start_container(sandbox.repo_handles[0])
    assert container.name in told(owner)


@one_kind
def test_an_engine_that_has_ended_is_started_again(start: Start) -> None:
    sandbox = start(docker=True)
    sandbox.exec("rm /tmp/engine")

    sandbox.start_container(sandbox.repo_handles[0])

    assert len([line for line in told(sandbox) if line.startswith("dockerd ")]) == 2


@one_kind
def test_an_image_that_does_not_build_is_told(start: Start) -> None:
    sandbox = start(docker=True, build="echo 'RUN make'; echo 'make: not found' >&2; exit 2")

    with pytest.raises(ContainerError, match="make: not found") as caught:
        sandbox.start_container(sandbox.repo_handles[0])
    assert list(caught.value.log) == ["RUN make", "make: not found"]
    assert sandbox.exec("ls -d /tmp/seer-build-* || true") == ""


@one_kind
def test_a_dockerfile_that_leads_out_of_its_repository_is_refused(start: Start) -> None:
    sandbox = start(docker=True, dockerfile="Dockerfile")

    with pytest.raises(ContainerError, match="leads out of the repository"):
        sandbox.start_container(sandbox.repo_handles[0])
    assert "build" not in told(sandbox)


def test_an_engine_that_does_not_come_up_leaves_no_sandbox(
    modal_emulator: ModalEmulator, start: Start
) -> None:
    with pytest.raises(ContainerError, match="does not answer but ends") as caught:
        start(docker=True, engine=_DEAD_ENGINE)
    assert "no such module: overlay" in "\n".join(caught.value.log)
    assert "docker=True" in caught.value.hint
    assert not modal_emulator.running
    assert not all_sandboxes()


@one_kind
def test_an_engine_that_never_answers_is_given_up(
    modal_emulator: ModalEmulator, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seer_rpc.environment.containers.inside._READY", 1.0)

    with pytest.raises(ContainerError, match="within 1 s") as caught:
        start(docker=True, engine=_DEAF_ENGINE)
    assert "still looking" in "\n".join(caught.value.log)
    assert not modal_emulator.running
