"""The configuration of an MCP server: that it works wherever it goes, and tells no secret."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.environment.mcp import running_servers
from seer_rpc.errors import ConfigError, InterfacePendingError
from seer_rpc.execution import create_local_session
from seer_rpc.locations import MCP_VARIABLE, mcp_folder
from seer_rpc.workspace import Library, Workspace
from tests.integration.mcp_talk import Talk, talk

SOURCE = """
@expose
def shout(text: str) -> str:
    return text.upper()
"""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
HEADERS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shouting.py"
    file.write_text(SOURCE)
    return file


def seer(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seer_rpc.cli", *arguments], capture_output=True, text=True
    )


def test_a_configuration_is_plain_json_without_secrets(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="plain")
    connection = shared.connection("plain")

    text = json.dumps(config)
    assert json.loads(text) == config
    (server,) = config.values()
    assert list(config) == ["plain"]
    assert server["type"] == "stdio"
    assert Path(server["command"]).is_absolute()
    assert connection.token not in text
    kept = Path(server["env"]["SEER_RPC_FILE"])
    assert connection.token in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.is_relative_to(Path(os.environ["XDG_STATE_HOME"]).parent)
    folder = Path(server["env"]["SEER_MCP_FOLDER"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(connection.token.encode() not in each.read_bytes() for each in folder.iterdir())


def test_a_server_works_from_a_folder_whose_files_are_called_as_modules_are(
    shared: ScopedSandbox, file: Path, tmp_path: Path
) -> None:
    config = shared.serve(file, expose_as="mcp", name="elsewhere")
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("json.py", "fastmcp.py", "seer_rpc.py", "types.py"):
        (hostile / name).write_text("raise SystemExit('imported')")
    (hostile / ".env").write_text("FASTMCP_LOG_LEVEL=nonsense\n")
    config["elsewhere"]["cwd"] = str(hostile)

    with talk(config) as server:
        assert server.value("shout", text="a") == "A"


def test_a_workspace_has_the_server_and_the_library(
    shared: ScopedSandbox,
    file: Path,
    tmp_path: Path,
    import_library: Callable[[Library], ModuleType],
) -> None:
    config = shared.serve(file, expose_as="mcp", name="both_ways")
    folder = tmp_path / "work"
    folder.mkdir()
    earlier = {"command": "y", "env": {MCP_VARIABLE: "elsewhere"}}
    others = {"mcpServers": {"other": {"command": "x"}, "both_ways": earlier}, "more": [1]}
    (folder / ".mcp.json").write_text(json.dumps(others))

    Workspace(libraries=[config, Library.from_code("x = 1", "plain_one")]).install(folder)

    installed = json.loads((folder / ".mcp.json").read_text())
    assert installed["more"] == [1]
    assert installed["mcpServers"] == {"other": {"command": "x"}, **config}
    assert import_library(config).shout("a") == "A"
    with talk(installed["mcpServers"] | {"other": config["both_ways"]}) as server:
        assert "both_ways_shout" in server.tools()


@pytest.mark.parametrize("content", ["", "[]", '{"mcpServers": []}', "{"])
def test_a_file_of_another_kind_is_not_written_over(
    shared: ScopedSandbox, file: Path, tmp_path: Path, content: str
) -> None:
    config = shared.serve(file, expose_as="mcp", name="careful")
    (tmp_path / ".mcp.json").write_text(content)

    with pytest.raises(ConfigError, match=r"\.mcp\.json"):
        Workspace(libraries=[config]).install(tmp_path)

    assert (tmp_path / ".mcp.json").read_text() == content


@pytest.mark.parametrize(
    "entry", [{}, {"command": "mine", "env": {"A": "b"}}, {"url": "http://x"}, {"env": []}, 1]
)
def test_a_server_of_the_user_s_own_is_not_written_over(
    shared: ScopedSandbox, file: Path, tmp_path: Path, entry: object
) -> None:
    config = shared.serve(file, expose_as="mcp", name="named_alike")
    content = json.dumps({"mcpServers": {"named_alike": entry}})
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / ".mcp.json").write_text(content)

    with pytest.raises(ConfigError, match="another server that is called 'named_alike'") as caught:
        Workspace(libraries=[config]).install(folder)

    assert "name=" in str(caught.value)
    assert (folder / ".mcp.json").read_text() == content
    assert [each.name for each in folder.iterdir()] == [".mcp.json"]


def test_a_workspace_without_servers_has_no_such_file(tmp_path: Path) -> None:
    Workspace(libraries=[Library.from_code("x = 1", "plain_one")]).install(tmp_path)

    assert not (tmp_path / ".mcp.json").exists()


def test_an_interface_may_wait_for_a_module(scoped: ScopedSandbox, tmp_path: Path) -> None:
    folder = tmp_path / "interfaces"
    folder.mkdir()
    (folder / "talking.py").write_text(
        "from voice_of_target import say\n\n"
        "@expose\ndef ask(text: str) -> str:\n    return say(text)\n"
    )
    config = scoped.serve(folder / "talking.py", expose_as="mcp", name="talking")
    with pytest.raises(InterfacePendingError):
        create_local_session(Workspace(libraries=[config]), tmp_path / "early")
    process = subprocess.run(
        [config["talking"]["command"], *config["talking"]["args"]],
        env=config["talking"]["env"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "bring every module" in process.stderr

    module = tmp_path / "voice_of_target.py"
    module.write_text("def say(text):\n    return text[::-1]\n")
    scoped.upload_file(module)
    with talk(config) as server:
        assert server.value("ask", text="abc") == "cba"


def test_functions_whose_names_are_the_same_as_tools_are_refused(
    shared: ScopedSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "named.py"
    file.write_text("@expose\ndef é() -> int: ...\n\n@expose\ndef e() -> int: ...\n")

    with pytest.raises(ConfigError, match="é and e would both be the tool 'e'"):
        shared.serve(file, expose_as="mcp")


def test_a_server_without_its_variables_says_so(tmp_path: Path) -> None:
    environment = {name: text for name, text in os.environ.items() if "SEER" not in name}
    process = subprocess.run(
        [sys.executable, "-m", "seer_rpc.mcp"], env=environment, capture_output=True, text=True
    )

    assert process.returncode == 1
    assert "SEER_MCP_FOLDER is not set" in process.stderr
    assert process.stdout == ""


@contextlib.contextmanager
def listening(
    config: dict[str, Any], *arguments: str, **variables: str
) -> Iterator[tuple[str, list[str]]]:
    """Run a server over HTTP; gives its address and what it said on standard error."""
    (server,) = config.values()
    process = subprocess.Popen(
        [server["command"], *server["args"], "--http", "127.0.0.1:0", *arguments],
        env={**os.environ, **server["env"], **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if address := re.search(r"http://\S+", line):
                yield address[0], said
                break
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert said


def post(url: str, **headers: str | bytes) -> int:
    encoded = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in {**HEADERS, **headers}.items()
    ]
    return httpx2.post(url, json=INITIALIZE, headers=encoded).status_code


def test_http_needs_the_token(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="guarded")
    with listening(config, SEER_MCP_TOKEN="a-secret") as (url, said):
        assert post(url) == 401
        assert post(url, Authorization="Bearer other") == 401
        assert post(url, Authorization=b"Bearer \xe4") == 401
        assert post(url, Authorization="Bearer a-secret") == 200
        assert "a-secret" not in "".join(said)
        for mode in ("auto", "legacy"):
            with connected(url, "a-secret", mode) as server:
                assert server.value("shout", text="a") == "A"


def test_http_makes_a_token_where_there_is_none(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="tokened")
    with listening(config) as (url, said):
        (token,) = re.findall(r"Bearer (\S+)", "".join(said))
        assert len(token) > 30
        assert post(url, Authorization=f"Bearer {token}") == 200


def test_http_serves_no_web_page_of_another_site(shared: ScopedSandbox, file: Path) -> None:
    config = shared.serve(file, expose_as="mcp", name="guarded_too")
    token = {"Authorization": "Bearer t"}
    with listening(config, "--allow-host", "my.host", SEER_MCP_TOKEN="t") as (url, _):
        assert post(url, **token, Origin="http://evil.example") == 403
        assert post(url, **token, Host="evil.example") == 421
        assert post(url, **token, Host="my.host") == 200


@contextlib.contextmanager
def connected(url: str, token: str, mode: str) -> Iterator[Talk]:
    with talk(
        {"web": {"url": url, "headers": {"Authorization": f"Bearer {token}"}}}, mode
    ) as talking:
        yield talking


def test_seer_mcp_config_tells_every_client_of_a_running_server(
    scoped: ScopedSandbox, file: Path
) -> None:
    config = scoped.serve(file, expose_as="mcp", name="told")
    server = config["told"]

    told = seer("mcp", "config", "told").stdout
    for word in ("claude mcp add told", "claude_desktop_config", "cursor", "codex", ".vscode"):
        assert word.lower() in told.lower()
    assert scoped.connection("told").token not in told
    codex = tomllib.loads(seer("mcp", "config", "told", "--client", "codex").stdout)
    assert codex["mcp_servers"]["told"]["env"] == server["env"]
    assert codex["mcp_servers"]["told"]["args"] == server["args"]
    desktop = json.loads(seer("mcp", "config", "told", "--client", "claude-desktop").stdout)
    assert desktop == {"mcpServers": config}
    vs_code = json.loads(seer("mcp", "config", "told", "--client", "vs-code").stdout)
    assert vs_code == {"servers": config}


def test_seer_mcp_config_of_a_file_serves_that(file: Path) -> None:
    answer = seer("mcp", "config", str(file), "--name", "louder", "--client", "cursor")
    config = json.loads(answer.stdout)["mcpServers"]

    config["louder"]["env"]["XDG_STATE_HOME"] = os.environ["XDG_STATE_HOME"]
    with talk(config) as server:
        assert server.value("shout", text="a") == "A"


def test_seer_mcp_config_of_any_file_can_be_read_by_every_client(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" \\u \x7f \x01 \t é \U0001f600 \u2028'
    folder.mkdir()
    file = folder / "x.py"
    file.write_text(SOURCE)

    def told(client: str) -> str:
        return seer("mcp", "config", str(file), "--name", "a.😀", "--client", client).stdout

    servers = [
        tomllib.loads(told("codex"))["mcp_servers"]["a.😀"],
        json.loads(told("cursor"))["mcpServers"]["a.😀"],
        json.loads(told("vs-code"))["servers"]["a.😀"],
    ]
    assert all(str(file) in each["args"] for each in servers)
    assert str(file) in shlex.split(told("claude-code"))


def test_seer_mcp_config_of_a_file_whose_name_is_no_text_says_so(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff.py")
    file.write_text(SOURCE)

    answer = seer("mcp", "config", str(file))

    assert answer.returncode == 1
    assert "not UTF-8" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_seer_mcp_config_of_what_is_not_there_says_what_is(
    scoped: ScopedSandbox, file: Path
) -> None:
    scoped.serve(file, expose_as="mcp", name="there")

    answer = seer("mcp", "config", "nowhere")

    assert answer.returncode == 1
    assert "running: there" in answer.stderr


def test_servers_that_vanish_while_they_are_listed_are_none(
    scoped: ScopedSandbox, file: Path
) -> None:
    config = scoped.serve(file, expose_as="mcp", name="staying")
    served = Path(config["staying"]["env"]["SEER_RPC_FILE"]).parent
    (served / "gone.config").symlink_to(served / "nowhere")

    assert running_servers() == [config]

    with contextlib.ExitStack() as stack:
        stop = threading.Event()
        coming = threading.Thread(target=come_and_go, args=(served, stop))
        stack.callback(coming.join)
        stack.callback(stop.set)
        coming.start()
        for _ in range(300):
            running_servers()


def come_and_go(folder: Path, stop: threading.Event) -> None:
    away = folder.with_name("away")
    while not stop.is_set():
        folder.rename(away)
        away.rename(folder)


def test_folders_of_long_ago_that_vanish_meanwhile_fail_nothing(file: Path) -> None:
    with ScopedSandbox() as scoped:
        everything = mcp_folder()
        everything.mkdir(parents=True)
        (everything / "gone-a").symlink_to(everything / "nowhere")
        (everything / "file").touch()
        long_ago = time.time() - 30 * 24 * 3600
        for number in range(300):
            folder = everything / f"old{number}-a"
            folder.mkdir()
            (folder / "schema").touch()
            os.utime(folder, (long_ago, long_ago))
        with ThreadPoolExecutor(4) as pool:
            serving = [
                pool.submit(scoped.serve, file, expose_as="mcp", name=f"served_{number}")
                for number in range(4)
            ]
            configs = [each.result() for each in serving]

        left = {each.name for each in everything.iterdir() if each.is_dir()}
        assert left == {
            Path(next(iter(config.values()))["env"][MCP_VARIABLE]).name for config in configs
        }


def test_the_connection_goes_with_the_sandbox_and_the_schema_stays(file: Path) -> None:
    with ScopedSandbox(SandboxConfig()) as scoped:
        config = scoped.serve(file, expose_as="mcp", name="fleeting")
        connection = Path(config["fleeting"]["env"]["SEER_RPC_FILE"])
        assert connection.exists()

    assert not connection.exists()
    assert (Path(config["fleeting"]["env"]["SEER_MCP_FOLDER"]) / "schema").exists()


def test_the_folder_of_a_running_sandbox_stays_however_old_it_is(file: Path) -> None:
    with ScopedSandbox() as scoped:
        config = scoped.serve(file, expose_as="mcp", name="patient")
        folder = Path(config["patient"]["env"][MCP_VARIABLE])
        long_ago = time.time() - 30 * 24 * 3600
        os.utime(folder, (long_ago, long_ago))
        scoped.serve(file, expose_as="mcp", name="hasty")
        assert folder.exists()


def test_seer_mcp_config_tells_how_notebooks_are_served() -> None:
    told = json.loads(seer("mcp", "config", "notebook", "--client", "cursor").stdout)
    with talk(told["mcpServers"]) as server:
        assert {"attach_to_session", "execute_code"} <= set(server.tools())
