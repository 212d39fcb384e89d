"""`seer mcp sandbox`: all sandboxes of the user as tools of one MCP server."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from seer_rpc.cli import main
from seer_rpc.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from seer_rpc.snapshots import find_snapshot
from tests.integration.mcp_talk import Talk, talk, text_of
from tests.sandboxes.places import shared_sandbox

CONFIG = SandboxConfig(execution_mode=ExecutionMode.CLI)
TOKEN = "of-this-test"
WORK = {"shell", "python", "read_file", "write_file", "list_files", "gpu_status", "processes"}
ABOUT = {"list_sandboxes", "sandbox_info", "snapshot", "terminate"}
JOBS = {"job_get", "job_cancel", "job_list"}

NVIDIA_SMI = r"""#!/bin/sh
case "$*" in *--query-gpu=index,name,memory.used,*) ;; *) exit 2 ;; esac
echo '0, NVIDIA H100 80GB HBM3, 1234, 81559, 37, 41'
echo '1, NVIDIA H100 80GB HBM3, 0, 81559, [N/A], [N/A]'
"""


def _config(*options: str) -> dict[str, Any]:
    """Give what `seer mcp config sandbox` tells a client, with what leads to an emulated Modal."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        main(["mcp", "config", "sandbox", "--client", "cursor"])
    config: dict[str, Any] = json.loads(printed.getvalue())["mcpServers"]
    modal = {name: text for name, text in os.environ.items() if name.startswith(("MODAL_", "SSL_"))}
    config["sandbox"]["env"] |= modal
    config["sandbox"]["args"] += options
    return config


@pytest.fixture(scope="module", params=["namespace", "none", "modal"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox, and the state folder that knows it."""
    with shared_sandbox(request, CONFIG) as sandbox:
        yield sandbox, os.environ["XDG_STATE_HOME"]


@pytest.fixture
def sandbox(started: tuple[Sandbox, str], monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("XDG_STATE_HOME", started[1])
    return started[0]


def test_a_client_works_in_the_sandbox_that_it_names(sandbox: Sandbox, tmp_path: Path) -> None:
    with talk(_config("--share", str(tmp_path))) as server:
        tools = server.tools()
        assert set(tools) == WORK | ABOUT | JOBS | {"upload", "download"}
        for name in (WORK | ABOUT) - {"list_sandboxes"}:
            assert "sandbox" in tools[name].input_schema["required"], name
        _check_listing(server, sandbox)
        _check_work(server, sandbox)
        _check_transfers(server, sandbox, tmp_path)
        _check_states(server, sandbox)
        _check_refusals(server)


def _check_listing(server: Talk, sandbox: Sandbox) -> None:
    (listed,) = server.value("list_sandboxes")["sandboxes"]
    assert (listed["id"], listed["state"]) == (sandbox.sandbox_id, "running")
    info = server.value("sandbox_info", sandbox=sandbox.sandbox_id[:6])
    assert info["id"] == sandbox.sandbox_id
    assert 0 < info["left"] <= 3600
    assert info["config"]["execution_mode"] == "cli"
    record = Path(os.environ["XDG_STATE_HOME"], "seer/sandboxes", sandbox.sandbox_id, "record.json")
    tokens = re.findall(r'_token": "([^"]+)"', record.read_text())
    assert len(tokens) == 2
    assert not [token for token in tokens if token in json.dumps(info)]


def _check_work(server: Talk, sandbox: Sandbox) -> None:
    which = sandbox.sandbox_id
    assert server.value("shell", sandbox=which, command="echo $((6 * 7))")["stdout"] == "42\n"
    assert server.value("python", sandbox=which, code="print(6 * 7)")["stdout"] == "42\n"
    server.value("write_file", sandbox=which, path="a/b.txt", content="one\x0cstill one\ntwo\n")
    assert sandbox.read_file("/workspace/a/b.txt") == "one\x0cstill one\ntwo\n"
    some = server.call("read_file", sandbox=which, path="a/b.txt", first_line=2, lines=1)
    assert text_of(some) == "two\n"
    assert "/workspace/a/" in text_of(server.call("list_files", sandbox=which))
    assert "exit status 3" in server.error("shell", sandbox=which, command="exit 3")
    assert "No such file" in server.error("read_file", sandbox=which, path="gone")


def _check_transfers(server: Talk, sandbox: Sandbox, shared: Path) -> None:
    which = sandbox.sandbox_id
    (shared / "data").mkdir()
    (shared / "data" / "prompts.csv").write_text("a,b\n")
    server.value("upload", sandbox=which, local_path="data", path="given")
    assert sandbox.read_file("given/prompts.csv") == "a,b\n"
    server.value("upload", sandbox=which, local_path="data/prompts.csv")
    assert sandbox.read_file("prompts.csv") == "a,b\n"
    server.value("download", sandbox=which, path="/workspace/a/b.txt", local_path="out/b.txt")
    assert (shared / "out" / "b.txt").read_text().endswith("two\n")
    (shared / "way_out").symlink_to("/")
    for path in ("../outside", "/etc/passwd", "way_out/etc/passwd"):
        assert "may use" in server.error("upload", sandbox=which, local_path=path)
        assert "may use" in server.error("download", sandbox=which, path="a", local_path=path)
    assert "nothing_here" in server.error("upload", sandbox=which, local_path="nothing_here")


def _check_states(server: Talk, sandbox: Sandbox) -> None:
    which = sandbox.sandbox_id
    assert "no GPU" in text_of(server.call("gpu_status", sandbox=which))
    if sandbox.modal_sandbox is None:
        _check_gpus(server, sandbox)
    busy = "import time\nheld = bytearray(64 << 20)\nwhile True: pass"
    sandbox.write_file("busy.py", busy)
    pid = int(sandbox.exec("python busy.py >/dev/null 2>&1 & echo $!"))
    found = server.value("processes", sandbox=which)["processes"]
    (mine,) = [each for each in found if each["command"].endswith("python busy.py")]
    assert mine["pid"] == pid
    assert mine["cpu_percent"] > 0
    assert not [each for each in found if "pytest" in each["command"]]
    server.value("shell", sandbox=which, command=f"kill {pid}")


def _check_gpus(server: Talk, sandbox: Sandbox) -> None:
    which = sandbox.sandbox_id
    home = sandbox.exec('dirname "$(command -v python)"').strip()
    sandbox.exec(f"cat > {home}/nvidia-smi; chmod +x {home}/nvidia-smi", input=NVIDIA_SMI)
    first, second = server.value("gpu_status", sandbox=which)["gpus"]
    assert (first["name"], first["memory_used_mib"]) == ("NVIDIA H100 80GB HBM3", 1234)
    assert (second["busy_percent"], second["celsius"]) == (None, None)
    assert "37 % busy, 41 °C" in text_of(server.call("gpu_status", sandbox=which))
    sandbox.exec(f"printf '#!/bin/sh\necho no driver; exit 9' > {home}/nvidia-smi")
    assert "no driver" in text_of(server.call("gpu_status", sandbox=which))


def _check_refusals(server: Talk) -> None:
    for tool, more in (("shell", {"command": "ls"}), ("terminate", {}), ("snapshot", {})):
        error = server.error(tool, sandbox="nobody", **more)
        assert "no sandbox of yours" in error
        assert "those that run:" in error
        # A sandbox without a name is not named twice.
        assert not re.search(r"(\w+) \(\1\)", error)
    assert "sandbox" in server.error("shell", command="ls")


def test_sandboxes_are_kept_and_ended(backend: str) -> None:
    with (
        Sandbox(CONFIG, backend=backend).start("kept") as kept,
        talk(_config()) as server,
    ):
        kept.write_file("notes.txt", "of a day")
        told = server.value("snapshot", sandbox="kept", description="halfway")
        assert find_snapshot(told["snapshot"]).description == "halfway"
        assert kept.read_file("notes.txt") == "of a day"

        result = server.call("terminate", sandbox="kept", save_snapshot=True, grace=0)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        snapshot = result.structured_content["snapshot"]
        assert f"Sandbox.from_snapshot('{snapshot}')" in text_of(result)
        assert "kept" in text_of(result)

        assert server.value("list_sandboxes")["sandboxes"] == []
        error = server.error("shell", sandbox=kept.sandbox_id, command="ls")
        assert "has ended" in error or "no sandbox of yours" in error
    with Sandbox.from_snapshot(snapshot) as again:
        assert again.read_file("notes.txt") == "of a day"


def test_hidden_models_are_not_named_and_what_has_ended_is_said_to_be_gone(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    secret = tmp_path / "which-it-is"
    secret.mkdir()
    (secret / "config.json").write_text("{}")
    save_file({"weight": np.zeros(1, np.float32)}, secret / "model.safetensors")
    config = SandboxConfig(models=[ModelConfig(name=str(secret), hidden=True)])
    with Sandbox(config).start("brief") as sandbox, talk(_config("--wait", "1")) as server:
        result = server.call("sandbox_info", sandbox="brief")
        assert result.structured_content is not None
        assert result.structured_content["config"]["models"] == ["hidden"]
        assert "which-it-is" not in text_of(result)
        assert "which-it-is" not in text_of(server.call("list_sandboxes"))

        text = text_of(server.call("shell", sandbox="brief", command="echo begun; sleep 5432"))
        job = re.findall(r"goes on as job (\w+)", text)[0]
        sandbox.terminate()
        wait_until(lambda: server.call("job_get", job_id=job).is_error)
        error = server.error("job_get", job_id=job)
        assert "list_sandboxes names those that run" in error


@pytest.fixture
def http_config() -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """Such a server over HTTP, as clients are told of it, and its process."""
    server = _config("--http", "127.0.0.1:0", "--wait", "30")["sandbox"]
    environment = {**os.environ, **server["env"], "SEER_MCP_TOKEN": TOKEN}
    process = subprocess.Popen(
        [server["command"], *server["args"]], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        url = next(line.split()[-1] for line in lines if "serving MCP at" in line)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        yield {"sandbox": {"url": url, "headers": headers}}, process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_two_clients_in_two_sandboxes_and_in_one(
    http_config: tuple[dict[str, Any], subprocess.Popen[str]], wait_until: Callable[..., None]
) -> None:
    config, process = http_config
    with (
        Sandbox(CONFIG).start("one") as one,
        Sandbox(CONFIG).start("two") as two,
        talk(config) as first,
        talk(config) as second,
    ):
        _check_attribution(first, second)
        _check_cancellation(first, second, one)

        # It ends while commands run and print; they end with it, and it does not hang.
        loud = "while true; do echo on; sleep 0.01; done"
        waiting = [
            each.portal.start_task_soon(each.client.call_tool, "shell", arguments)
            for each, arguments in (
                (first, {"sandbox": "one", "command": loud}),
                (second, {"sandbox": "two", "command": loud}),
            )
        ]
        for sandbox in (one, two):
            wait_until(lambda each=sandbox: each.run("pgrep -f 'sleep 0.0[1]'").ok)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        for each in waiting:
            each.cancel()
        for sandbox in (one, two):
            wait_until(lambda each=sandbox: not each.run("pgrep -f 'do echo o[n]'").ok)


def _check_attribution(first: Talk, second: Talk) -> None:
    """Have both ask at once, in both sandboxes, and each get its own."""
    asked = [
        (each, which, number)
        for number in range(3)
        for each in (first, second)
        for which in ("one", "two")
    ]

    async def ask(talk: Talk, which: str, number: int) -> str:
        command = f"echo {which} {number} {id(talk)}; echo $SEER_SANDBOX"
        result = await talk.client.call_tool("shell", {"sandbox": which, "command": command})
        return text_of(result)

    tasks = [(each, each[0].portal.start_task_soon(ask, *each)) for each in asked]
    marks: dict[str, set[str]] = {"one": set(), "two": set()}
    for (client, which, number), task in tasks:
        said, mark = task.result(60).split("\n")
        assert said == f"{which} {number} {id(client)}"
        marks[which].add(mark.split("/")[0])
    assert [len(each) for each in marks.values()] == [1, 1]
    assert marks["one"] != marks["two"]


def _check_cancellation(first: Talk, second: Talk, sandbox: Sandbox) -> None:
    """Have one client give up its call; the other's goes on, in the same sandbox."""
    command = "touch {0}; until [ -e {0}.go ]; do sleep 0.05; done; echo {0} done"
    given_up = first.portal.start_task_soon(
        first.client.call_tool, "shell", {"sandbox": "one", "command": command.format("first")}
    )
    kept = second.portal.start_task_soon(
        second.client.call_tool, "shell", {"sandbox": "one", "command": command.format("second")}
    )
    sandbox.exec("until [ -e first ] && [ -e second ]; do sleep 0.05; done", timeout=60)
    given_up.cancel()
    sandbox.exec("while pgrep -f 'touch firs[t]'; do sleep 0.05; done", timeout=60)
    sandbox.exec("touch second.go")
    assert text_of(kept.result(60)) == "second done"
