"""CLI sessions: commands, Python and an MCP server in a sandbox, from any process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.cli import main
from seer_rpc.environment import ExecutionMode, Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import CommandError, CommandTimeoutError, ConfigError
from seer_rpc.execution import CLISession, create_cli_session
from seer_rpc.workspace import Library, Workspace
from tests.integration.mcp_talk import Talk, talk, text_of
from tests.sandboxes.places import shared_sandbox

CONFIG = SandboxConfig(execution_mode=ExecutionMode.CLI)
SOURCE = '''
"""Numbers for this session."""

NUMBER = 40


def double(value: int) -> int:
    """Double it."""
    return 2 * value
'''
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(scope="module", params=["namespace", "modal"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox in CLI mode, on this machine and on Modal, and the state folder that knows it."""
    with shared_sandbox(request, CONFIG) as sandbox:
        yield sandbox, Path(os.environ["XDG_STATE_HOME"])


@pytest.fixture
def sandbox(started: tuple[Sandbox, Path]) -> Sandbox:
    """It."""
    return started[0]


@pytest.fixture
def state(started: tuple[Sandbox, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its state folder, set for this process and others."""
    monkeypatch.setenv("XDG_STATE_HOME", str(started[1]))
    return started[1]


@pytest.fixture
def session(sandbox: Sandbox, state: Path) -> CLISession:
    """A session with a library and code that runs first."""
    workspace = Workspace(
        [Library.from_code(SOURCE, "numbers_inside")],
        custom_init_code="import numbers_inside\nBASE = numbers_inside.NUMBER",
    )
    return create_cli_session(sandbox, workspace, name="numbers")


def test_commands_and_python_run_in_the_sandbox(session: CLISession, sandbox: Sandbox) -> None:
    assert session.sandbox is sandbox
    assert session.name == "numbers"
    assert session.exec("print(BASE + 2, __name__)").stdout == "42 __main__\n"
    assert (
        session.exec_shell("cd / && python -c 'import numbers_inside as n; print(n.NUMBER)'").stdout
        == "40\n"
    )
    assert session.exec_shell(["echo", "$HOME"]).stdout == "$HOME\n"

    with pytest.raises(CommandError, match="ZeroDivisionError") as caught:
        session.exec("def f():\n    1 / 0\nprint('begun')\nf()")
    assert caught.value.stdout == "begun\n"
    assert re.findall(r'File "([^"]*)", line (\d+)', caught.value.stderr) == [
        ("<exec>", "4"),
        ("<exec>", "2"),
    ]
    with pytest.raises(CommandError, match="status 3"):
        session.exec_shell("exit 3")
    with pytest.raises(CommandTimeoutError):
        session.exec_shell("sleep 5432", timeout=1)
    with pytest.raises(CommandTimeoutError):
        session.exec("import time; time.sleep(5432)", timeout=1)

    session.setup(Workspace())
    with pytest.raises(CommandError, match="numbers_inside"):
        session.exec("import numbers_inside")


def test_sandboxes_for_notebooks_and_names_that_clients_refuse_are_refused(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(ConfigError, match="is for notebooks") as caught:
        create_cli_session(Sandbox())
    assert "ExecutionMode.CLI" in caught.value.hint
    with pytest.raises(ConfigError, match="no name that MCP clients take"):
        create_cli_session(sandbox, name="two words")


def test_a_client_works_in_the_sandbox(session: CLISession, sandbox: Sandbox, state: Path) -> None:
    config = session.mcp_config
    record = state / "seer" / "sandboxes" / sandbox.sandbox_id / "record.json"
    tokens = re.findall(r'_token": "([^"]+)"', record.read_text())

    assert len(tokens) == 2
    assert not [token for token in tokens if token in json.dumps(config)]
    with talk(config) as server:
        assert set(server.tools()) == {
            *("shell", "python", "read_file", "write_file", "list_files"),
            *("job_get", "job_cancel", "job_list"),
        }
        assert "double(value: int) -> int" in (server.client.instructions or "")
        _check_commands(server)
        _check_files(server, sandbox)


def _check_commands(server: Talk) -> None:
    result = server.call("shell", command="echo out; echo err >&2; pwd")
    assert result.structured_content is not None
    assert result.structured_content["exit_code"] == 0
    assert result.structured_content["stdout"].startswith("out\n")
    assert result.structured_content["stderr"] == "err\n"
    assert "out" in text_of(result)
    assert "err" in text_of(result)
    assert server.value("python", code="print(numbers_inside.double(BASE))")["stdout"] == "80\n"
    assert text_of(server.call("shell", command="true")) == "It printed nothing."
    assert "exit status 3" in server.error("shell", command="echo why; exit 3")
    assert 'File "<exec>", line 1' in server.error("python", code="1/0")
    assert "EOFError" in server.error("python", code="input()")
    assert "no 'comand'" in server.error("shell", comand="ls")
    assert "timeout" in server.error("shell", command="ls", timeout=-1)
    assert "/nowhere" in server.error("shell", command="ls", folder="/nowhere")
    ended = server.error("shell", command="echo before; sleep 5432", timeout=4)
    assert "before" in ended
    assert "did not end within 4 s" in ended
    long = text_of(server.call("python", code="print('x' * 1_000_000)"))
    file = Path(re.findall(r"the whole is in (.*)\]", long)[0])
    assert len(long) < 25_000
    assert len(file.read_text()) == 1_000_001


def _check_files(server: Talk, sandbox: Sandbox) -> None:
    server.value("write_file", path="deep/notes.txt", content="one\ntwo\nthrée\n")
    assert sandbox.read_file("/workspace/deep/notes.txt") == "one\ntwo\nthrée\n"
    assert text_of(server.call("read_file", path="deep/notes.txt")) == "one\ntwo\nthrée\n"
    some = server.call("read_file", path="deep/notes.txt", first_line=2, lines=1)
    assert text_of(some) == "two\n"
    past = text_of(server.call("read_file", path="deep/notes.txt", first_line=9))
    assert past == "deep/notes.txt has 3 lines."
    listed = text_of(server.call("list_files", recursive=True))
    assert "/workspace/deep/\n/workspace/deep/notes.txt 15" in listed
    assert "No such file" in server.error("read_file", path="gone.txt")
    assert "FileNotFound" in server.error("list_files", path="/workspace/gone")
    sandbox.write_file("dot.png", PNG)
    sandbox.write_file("some.bin", b"\x00\xff")
    kinds = [block.type for block in server.call("read_file", path="dot.png").content]
    assert kinds == ["text", "image"]
    assert "null byte" in server.error("write_file", path="a\x00b", content="")
    assert "is no text: 2 bytes" in server.error("read_file", path="some.bin")


def test_what_takes_long_goes_on_as_a_job(
    session: CLISession, wait_until: Callable[..., None]
) -> None:
    config = session.mcp_config
    config["numbers"]["args"] += ["--wait", "1"]
    with talk(config) as server:
        text = text_of(server.call("shell", command="echo begun; sleep 5432"))
        job = re.findall(r"goes on as job (\w+)", text)[0]
        wait_until(lambda: "begun" in text_of(server.call("job_get", job_id=job)), 60)
        server.value("job_cancel", job_id=job)
        (told,) = server.value("job_list")["jobs"]
        assert (told["tool"], told["status"]) == ("shell", "cancelled")

        text = text_of(server.call("python", code="import time; time.sleep(2); print('done')"))
        job = re.findall(r"goes on as job (\w+)", text)[0]
        wait_until(lambda: text_of(server.call("job_get", job_id=job)) == "done", 60)
        # It prints, and nobody ends it but the client's leaving.
        server.call("shell", command="while true; do echo on; sleep 0.5431; done")
    gone = "pgrep -f 'sleep (543[2]|0[.]5431)' || echo none"
    wait_until(lambda: session.exec_shell(gone).stdout == "none\n")


def test_another_process_has_a_session_too(
    session: CLISession, sandbox: Sandbox, tmp_path: Path
) -> None:
    script = tmp_path / "other.py"
    script.write_text(
        textwrap.dedent(
            """
            import json, sys
            from seer_rpc.environment import Sandbox
            from seer_rpc.execution import create_cli_session
            from seer_rpc.workspace import Library, Workspace

            with Sandbox.from_id(sys.argv[1]) as sandbox:
                theirs = Workspace([Library.from_code("OTHER = 2\\n", "other_inside")])
                session = create_cli_session(sandbox, theirs, name="theirs")
                code = "import numbers_inside, other_inside; print(numbers_inside.NUMBER)"
                print(session.exec(code).stdout, end="")
                print(json.dumps(session.mcp_config))
            """
        )
    )
    printed = subprocess.check_output([sys.executable, script, sandbox.sandbox_id], text=True)
    number, config = printed.splitlines()

    assert number == "40"
    # That process has ended; the sandbox has not, nor has its session.
    with talk(json.loads(config)) as server:
        assert (
            server.value("python", code="import other_inside as o; print(o.OTHER)")["stdout"]
            == "2\n"
        )
    assert session.exec("print(BASE)").stdout == "40\n"


def test_a_server_whose_sandbox_has_ended_says_so(backend: str) -> None:
    with Sandbox(CONFIG, backend=backend).start() as sandbox:
        config = create_cli_session(sandbox).mcp_config
        with talk(config) as server:
            server.value("shell", command="true")
            sandbox.terminate()
            begun = time.monotonic()
            assert "Sandbox" in server.error("shell", command="true")
            assert time.monotonic() - begun < 60

    with talk(config) as server:
        assert "has ended" in server.error("python", code="1")


def test_clients_are_told_of_a_session_by_its_name(
    session: CLISession, capsys: pytest.CaptureFixture[str]
) -> None:
    config = session.mcp_config

    main(["mcp", "config", "numbers", "--client", "cursor"])

    assert json.loads(capsys.readouterr().out) == {"mcpServers": config}


def test_what_another_sandbox_serves_is_called_from_inside(tmp_path: Path) -> None:
    file = tmp_path / "doubling.py"
    file.write_text("@expose\ndef double(value: int) -> int:\n    return 2 * value\n")
    with (
        ScopedSandbox(SandboxConfig(listen="127.0.0.1:0"), backend="local") as serving,
        Sandbox(CONFIG, backend="local") as sandbox,
    ):
        library = serving.serve(file).for_network()
        session = create_cli_session(sandbox, Workspace([library]))

        assert session.exec("import doubling; print(doubling.double(4))").stdout == "8\n"
