"""Models for sandboxes on Modal: from the hub or this machine into volumes, once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.modal_emulator.requirements import require_modal

require_modal()

import modal  # noqa: E402
from grpclib import Status  # noqa: E402

from seer_rpc.client import Session  # noqa: E402
from seer_rpc.environment import (  # noqa: E402
    ModelConfig,
    Sandbox,
    SandboxConfig,
    ScopedSandbox,
    aio,
)
from seer_rpc.errors import (  # noqa: E402
    BackendError,
    CapacityError,
    ModelFetchError,
    ModelNotFoundError,
)
from seer_rpc.registry import all_sandboxes  # noqa: E402
from tests.hub.hub import Hub  # noqa: E402
from tests.hub.tiny import files_of, make_tiny_model  # noqa: E402
from tests.modal_emulator.faults import Fault  # noqa: E402

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator
    from tests.modal_emulator.sandbox import Sandbox as EmulatedSandbox

_TOKEN = "hf_its_value"
_MARKER = ".seer-whole"
_FETCH = "seer-rpc-fetch"
_WEIGHTS = bytes(range(256)) * 4096
_FILES = {"config.json": b"{}", "model.safetensors": _WEIGHTS, "sub/more.txt": b"more"}

Start = Callable[..., Sandbox]
Write = Callable[..., Path]
WaitUntil = Callable[..., None]

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture(params=[None, "H100"], ids=["V2", "V1"])
def gpu(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The GPUs, which decide between the two kinds of sandboxes."""
    return {} if request.param is None else {"gpu": request.param, "gpu_count": 2}


@pytest.fixture
def reached(modal_emulator: ModalEmulator, hub: Hub) -> ModalEmulator:
    """The emulated Modal, whose sandboxes reach the hub."""
    modal_emulator.reachable.add(hub.port)
    return modal_emulator


@pytest.fixture
def start(reached: ModalEmulator) -> Iterator[Start]:
    """Start a sandbox with models."""
    started: list[Sandbox] = []

    def start_one(*names: str, **fields: Any) -> Sandbox:
        models = [ModelConfig(name=name, var_name=f"m{n}") for n, name in enumerate(names)]
        sandbox = Sandbox(SandboxConfig(models=models, **fields), backend="modal")
        started.append(sandbox)
        return sandbox.start()

    yield start_one
    for sandbox in started:
        sandbox.terminate()


def fetches(emulator: ModalEmulator) -> list[EmulatedSandbox]:
    """Give the sandboxes that fetched something."""
    return [each for each in emulator.sandboxes.values() if _FETCH in each.tags]


def volume_files(emulator: ModalEmulator) -> list[list[str]]:
    """Give the files of each volume."""
    heads = [volume.head for volume in emulator.volumes.volumes.values()]
    return [
        sorted(str(file.relative_to(head)) for file in head.rglob("*") if file.is_file())
        for head in heads
    ]


def begun(hub: Hub) -> bool:
    """Tell whether the weights are on their way."""
    return any(request.path.endswith("model.safetensors") for request in hub.files)


def test_it_is_fetched_once(
    reached: ModalEmulator, hub: Hub, start: Start, gpu: dict[str, Any]
) -> None:
    commit = hub.add("org/model", _FILES)

    sandbox = start("org/model", **gpu)

    (handle,) = sandbox.model_handles
    assert (handle.name, handle.commit) == ("org/model", commit)
    assert sandbox.read_bytes(f"{handle.path}/model.safetensors") == _WEIGHTS
    assert sandbox.read_file(f"{handle.path}/sub/more.txt") == "more"
    assert not sandbox.run(f"touch {handle.path}/new").ok
    assert sandbox.exec("echo $HF_HUB_OFFLINE $TRANSFORMERS_OFFLINE") == "1 1\n"
    assert Sandbox.from_id(sandbox.sandbox_id).model_handles == [handle]
    (fetched,) = fetches(reached)
    assert fetched.tags == {_FETCH: handle.source}
    assert fetched.is_v2
    assert fetched.result is not None
    assert volume_files(reached) == [sorted([*_FILES, _MARKER])]
    assert len(hub.files) == 3

    sandbox.terminate()
    reached.log.calls.clear()
    start("org/model", **gpu)

    assert len(fetches(reached)) == 1
    assert len(hub.files) == 3
    created = [*reached.log.of("SandboxCreate"), *reached.log.of("SandboxCreateV2")]
    assert len(created) == 1


def test_what_a_fetch_is_asked_for(reached: ModalEmulator, hub: Hub, start: Start) -> None:
    hub.add("org/model", _FILES)
    start("org/model")

    (fetched,) = fetches(reached)
    definition = fetched.definition
    assert definition.resources.milli_cpu >= 1000
    assert definition.resources.memory_mb >= 4096
    assert 0 < definition.timeout_secs <= 24 * 3600
    (mount,) = definition.volume_mounts
    assert not mount.read_only
    for name in ("HF_HOME", "HF_XET_CACHE"):
        assert not Path(fetched.environment[name]).is_relative_to(mount.mount_path)
    assert any(
        line.endswith(f"huggingface_hub=={metadata.version('huggingface_hub')}")
        for line in fetched.image.layers
    )
    (served,) = (each for each in reached.running)
    (mount,) = served.definition.volume_mounts
    assert mount.read_only


_TALK = """
    import torch
    from transformers import AutoModelForCausalLM

    path = get_model_path("org/tiny")
    model = AutoModelForCausalLM.from_pretrained(path)

    @expose
    def next_token(tokens: list[int]) -> int:
        with torch.no_grad():
            return int(model(torch.tensor([tokens])).logits[0, -1].argmax())

    @expose
    def paths(names: list[str]) -> list[str]:
        return [get_model_path(name) for name in names]
"""


def test_an_interface_loads_it_beside_a_gpu(
    reached: ModalEmulator, hub: Hub, tmp_path: Path, write: Write
) -> None:
    tiny = make_tiny_model(tmp_path / "tiny")
    commit = hub.add("org/tiny", files_of(tmp_path / "tiny"))
    models = [
        ModelConfig(name="org/tiny"),
        ModelConfig(name=f"org/tiny@{commit}", var_name="same"),
    ]
    # Where a GPU is asked for and there are credentials, that is Modal.
    config = SandboxConfig(models=models, gpu="H100", gpu_count=2)

    with (
        ScopedSandbox(config).start() as scoped,
        Session(scoped.serve(write(_TALK)).connection) as session,
    ):
        assert session.call("next_token", [[1, 2, 3]], {}) == tiny([1, 2, 3])
        names = ["org/tiny", f"org/tiny@{commit}"]
        assert session.call("paths", [names], {}) == ["/models/0-tiny", "/models/0-tiny"]
    assert len(fetches(reached)) == 1


def test_revisions_have_volumes_of_their_own(
    reached: ModalEmulator, hub: Hub, start: Start
) -> None:
    first = hub.add("org/model", {"config.json": b"1"})
    hub.repos["org/model"].commit({"config.json": b"2"}, "v2")

    sandbox = start(f"org/model@{first}", "org/model@v2")

    one, two = sandbox.model_handles
    assert sandbox.read_file(f"{one.path}/config.json") == "1"
    assert sandbox.read_file(f"{two.path}/config.json") == "2"
    assert one.commit == first
    sandbox.terminate()
    hub.requests.clear()
    # What is named by its commit needs no hub any more.
    hub.stop()
    assert start(f"org/model@{first}").model_handles[0].source == one.source
    with pytest.raises(ModelNotFoundError, match="the Hugging Face hub says"):
        start("org/model@v2")


# Models of this machine.


def test_a_directory_is_sent_once(reached: ModalEmulator, start: Start, tmp_path: Path) -> None:
    # No volume has such a name, nor any that is as long.
    folder = tmp_path / f"my model é {'x' * 80}"
    (folder / "sub").mkdir(parents=True)
    for name, content in _FILES.items():
        (folder / name).write_bytes(content)
    (folder / "link.json").symlink_to("config.json")

    sandbox = start(str(folder))

    (handle,) = sandbox.model_handles
    assert handle.path == f"/models/0-my-model---{'x' * 80}"
    assert handle.commit == ""
    assert sandbox.read_bytes(f"{handle.path}/model.safetensors") == _WEIGHTS
    assert sandbox.read_file(f"{handle.path}/link.json") == "{}"
    assert not fetches(reached)
    assert volume_files(reached) == [sorted([*_FILES, "link.json", _MARKER])]

    sandbox.terminate()
    reached.log.calls.clear()
    start(str(folder)).terminate()
    assert not reached.log.of("VolumePutFiles")
    (folder / "config.json").write_text('{"changed": 1}')
    again = start(str(folder))
    assert again.read_file(f"{handle.path}/config.json") == '{"changed": 1}'
    assert again.model_handles[0].source != handle.source


def test_what_was_not_sent_to_the_end_is_not_used(
    reached: ModalEmulator, start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    # The files arrive, and not that they are all of them.
    reached.faults.plan("VolumePutFiles", Fault(), Fault(Status.PERMISSION_DENIED))
    with pytest.raises(BackendError):
        start(str(folder))
    assert volume_files(reached) == [["config.json"]]
    assert not reached.sandboxes

    sandbox = start(str(folder))

    assert sandbox.read_file("/models/0-model/config.json") == "{}"
    assert volume_files(reached) == [[_MARKER, "config.json"]]


def test_a_directory_that_cannot_be_read(
    reached: ModalEmulator, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "config.json").symlink_to("/proc/self/mem")

    with pytest.raises(ModelNotFoundError, match=r"config\.json cannot be read"):
        start(str(tmp_path))
    assert not reached.volumes.volumes


# Tokens.


def test_a_token_is_for_what_fetches_alone(
    reached: ModalEmulator, hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/model", _FILES, is_gated=True, token=_TOKEN)
    monkeypatch.setenv("HF_TOKEN", _TOKEN)

    sandbox = start("org/model")

    (fetched,) = fetches(reached)
    assert fetched.environment["HF_TOKEN"] == _TOKEN
    assert sandbox.exec("env | grep -c HF_TOKEN || true") == "0\n"
    assert _TOKEN not in reached.log.transcript()
    assert start("org/model", secrets=["HF_TOKEN"]).exec("echo $HF_TOKEN") == f"{_TOKEN}\n"


@pytest.mark.parametrize("kind", ["is_gated", "is_private"])
@pytest.mark.parametrize("name", ["HF_TOKEN", "huggingface-secret"])
def test_a_token_that_modal_keeps_is_used(
    reached: ModalEmulator, hub: Hub, start: Start, kind: str, name: str
) -> None:
    commit = hub.add("org/model", _FILES, token=_TOKEN, **{kind: True})
    modal.Secret.objects.create(name, {"HF_TOKEN": _TOKEN})

    sandbox = start("org/model", secrets=["HF_TOKEN"])

    (handle,) = sandbox.model_handles
    assert handle.commit == commit
    assert sandbox.read_bytes(f"{handle.path}/model.safetensors") == _WEIGHTS
    assert sandbox.exec("echo $HF_TOKEN") == f"{_TOKEN}\n"
    assert all(each.result is not None for each in fetches(reached))


def test_secrets_that_modal_keeps(start: Start, gpu: dict[str, Any]) -> None:
    modal.Secret.objects.create("SERVICE", {"SERVICE_KEY": "kept-1", "SERVICE_URL": "kept-2"})

    with pytest.warns(UserWarning, match=r"not set here: NOWHERE;"):
        sandbox = start(secrets=["SERVICE", "NOWHERE"], **gpu)

    assert sandbox.exec("echo $SERVICE_KEY $SERVICE_URL $NOWHERE") == "kept-1 kept-2\n"


# What goes wrong.


@pytest.mark.parametrize("token", ["", "hf_of_another"])
def test_a_gated_model_says_what_to_do(
    reached: ModalEmulator,
    hub: Hub,
    start: Start,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.add("org/model", _FILES, is_gated=True, token=_TOKEN)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)

    with pytest.raises(ModelNotFoundError, match="org/model is gated") as caught:
        start("org/model")
    assert "HF_TOKEN" in caught.value.hint
    assert 'secrets=["HF_TOKEN"]' in caught.value.hint
    assert not reached.running
    assert not all_sandboxes()


def test_one_that_there_is_not(reached: ModalEmulator, hub: Hub, start: Start) -> None:
    hub.add("org/model", _FILES)

    with pytest.raises(ModelNotFoundError, match="no model 'org/nothing'") as caught:
        start("org/nothing")
    assert "spelling" in caught.value.hint
    with pytest.raises(ModelNotFoundError, match="no model 'org/model@v9'"):
        start("org/model@v9")
    with pytest.raises(ModelNotFoundError, match=r"no model 'org/model@0{40}'"):
        start(f"org/model@{'0' * 40}")
    assert not reached.running


def test_a_hub_that_breaks_off_is_asked_for_the_rest_alone(
    reached: ModalEmulator, hub: Hub, start: Start
) -> None:
    hub.add("org/model", _FILES)
    # Shorter files arrive.
    hub.cut(after=100, times=1000)
    with pytest.raises(ModelFetchError, match="the Hugging Face hub did not give") as caught:
        start("org/model")
    assert "start again" in caught.value.hint
    assert not reached.running
    hub.mend()
    hub.requests.clear()

    sandbox = start("org/model")

    assert sandbox.read_bytes("/models/0-model/model.safetensors") == _WEIGHTS
    assert [Path(request.path).name for request in hub.files] == ["model.safetensors"]


def test_a_fetch_that_is_lost_goes_on_next_time(
    reached: ModalEmulator, hub: Hub, start: Start, wait_until: WaitUntil
) -> None:
    hub.add("org/model", _FILES)
    with hub.pause(longer_than=1000), ThreadPoolExecutor() as threads:
        failing = threads.submit(start, "org/model")
        wait_until(lambda: begun(hub) and len(hub.files) == 3, 30)
        (running,) = reached.running
        # The client of the hub counts on a file once it has noted what it is.
        notes = running.mounts[0].folder / ".cache" / "huggingface" / "download"
        wait_until(lambda: (notes / "sub" / "more.txt.metadata").exists())
        reached.lose(running.id)
        with pytest.raises(ModelFetchError, match="ended before it had done so") as caught:
            failing.result(60)
    assert "goes on" in caught.value.hint
    assert not reached.running
    hub.requests.clear()

    sandbox = start("org/model")

    assert sandbox.read_bytes("/models/0-model/model.safetensors") == _WEIGHTS
    assert "more.txt" not in {Path(request.path).name for request in hub.files}
    assert volume_files(reached) == [sorted([*_FILES, _MARKER])]


def test_two_who_want_it_at_once_fetch_it_once(
    reached: ModalEmulator, hub: Hub, start: Start, wait_until: WaitUntil
) -> None:
    hub.add("org/model", _FILES)
    with ThreadPoolExecutor() as threads:
        with hub.pause(longer_than=1000):
            starts = [threads.submit(start, "org/model") for _ in range(3)]
            wait_until(lambda: begun(hub), 30)
            wait_until(lambda: len(refused_names(reached)) == 2, 30)
        sandboxes = [each.result(90) for each in starts]

    for sandbox in sandboxes:
        assert sandbox.read_bytes("/models/0-model/model.safetensors") == _WEIGHTS
    assert len(fetches(reached)) == 1
    assert len(hub.files) == 3


def refused_names(emulator: ModalEmulator) -> list[Any]:
    """Give the calls that asked for a sandbox of a name that another one has."""
    return [call for call in emulator.log.of("SandboxCreateV2") if call.status == "ALREADY_EXISTS"]


_KILLED = """if True:
    from seer_rpc.environment import ModelConfig, Sandbox, SandboxConfig
    config = SandboxConfig(models=[ModelConfig(name="org/model")])
    Sandbox(config, backend="modal").start()
"""


def test_an_owner_that_is_killed_leaves_a_fetch_that_ends(
    reached: ModalEmulator, hub: Hub, start: Start, wait_until: WaitUntil
) -> None:
    hub.add("org/model", _FILES)
    with hub.pause(longer_than=1000):
        with subprocess.Popen([sys.executable, "-c", _KILLED]) as owner:
            wait_until(lambda: begun(hub), 30)
            owner.kill()
        assert len(reached.running) == 1
    wait_until(lambda: not reached.running, 30)

    sandbox = start("org/model")

    assert sandbox.read_bytes("/models/0-model/model.safetensors") == _WEIGHTS
    assert len(fetches(reached)) == 1


def test_an_interrupted_start_leaves_no_fetch(
    reached: ModalEmulator, hub: Hub, wait_until: WaitUntil
) -> None:
    hub.add("org/model", _FILES)
    with hub.pause(longer_than=1000):
        command = [sys.executable, "-c", _KILLED]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as owner:
            wait_until(lambda: begun(hub), 30)
            owner.send_signal(signal.SIGINT)
            assert owner.wait(60) != 0
        wait_until(lambda: not reached.running, 30)
    assert not all_sandboxes()


def test_a_start_that_is_given_up_waits_for_no_fetch(
    reached: ModalEmulator, hub: Hub, wait_until: WaitUntil
) -> None:
    hub.add("org/model", _FILES)

    async def main() -> None:
        config = SandboxConfig(models=[ModelConfig(name="org/model")])
        starting = asyncio.create_task(aio.Sandbox(config, backend="modal").start())
        await asyncio.to_thread(wait_until, lambda: begun(hub), 30)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(starting), 20)

    # Whatever waits for the fetch waits for as long.
    with hub.pause(longer_than=1000):
        asyncio.run(main())
        wait_until(lambda: not reached.running, 30)
    assert not all_sandboxes()


def test_how_far_it_is_is_shown(hub: Hub, reached: ModalEmulator, wait_until: WaitUntil) -> None:
    hub.add("org/model", {"model.safetensors": bytes(24 << 20)})
    command = [sys.executable, "-c", _KILLED]
    lines: list[str] = []
    with (
        hub.pause(longer_than=1000),
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as owner,
    ):
        assert owner.stderr is not None
        for line in owner.stderr:
            lines.append(line)
            if "10.5 MB of 25.2 MB" in line:
                break
        owner.kill()
    assert lines[-1].startswith("seer: fetching org/model to Modal (")
    wait_until(lambda: not reached.running, 30)


def test_no_capacity_for_a_fetch(
    reached: ModalEmulator, hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/model", _FILES)
    monkeypatch.setattr("seer_rpc.backends.modal.creation._PAUSES", (0.1,))
    reached.faults.exhausted("SandboxCreateV2", "no machine left", times=2)

    with pytest.raises(CapacityError, match="no machine left"):
        start("org/model")
    assert not reached.sandboxes


def test_a_volume_that_is_full_says_so(reached: ModalEmulator, hub: Hub, start: Start) -> None:
    hub.add("org/model", _FILES)
    reached.volumes.room = 1 << 18

    with pytest.raises(ModelFetchError, match="no room on Modal for org/model") as caught:
        start("org/model")
    assert "modal volume" in caught.value.hint
    assert not reached.running
