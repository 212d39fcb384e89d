"""`seer notebook`: a session from the command line, for whoever is told of it."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seer_rpc.cli import main
from seer_rpc.cli.notebook_options import add_options, notebook_config
from seer_rpc.environment import Sandbox
from seer_rpc.execution import attach_notebook_session
from seer_rpc.registry import running_sandboxes
from tests.notebooks.tiny_models import make_adapter, make_model

SEER = [sys.executable, "-P", "-m", "seer_rpc.cli"]


@pytest.fixture
def place(backend: str) -> Iterator[str]:
    """The name of a backend, on which nothing stays."""
    yield backend
    for record in running_sandboxes():
        Sandbox.from_id(record.id).terminate()


@pytest.mark.parametrize("backend", ["local"], indirect=True)
def test_a_session_with_models_stays_and_the_json_leads_there(place: str, tmp_path: Path) -> None:
    base = make_model(tmp_path / "base")
    adapter = make_adapter(tmp_path / "secret-adapter", base)
    (tmp_path / "helpers.py").write_text("def shout(text):\n    return text.upper()\n")
    (tmp_path / "first.py").write_text("BASE = 40\n")
    (tmp_path / "prompts.csv").write_text("hello\n")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)

    finished = subprocess.run(
        [
            *SEER,
            *("notebook", f"plain={base}", "--peft", adapter, base, "--name", "steering"),
            *("--library", "helpers.py", "--file", "prompts.csv:data/prompts.csv"),
            *("--init", "first.py", "--secret", "OWN_SECRET", "--open", "--show-loading"),
        ],
        cwd=tmp_path,
        env={**os.environ, "OWN_SECRET": "whispered", "BROWSER": f"{browser} %s"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    known = json.loads(finished.stdout)
    assert set(known) == {"session_id", "jupyter_url", "model_info"}
    assert "plain" in known["model_info"]
    assert "model_1" in known["model_info"]
    assert "`seer stop steering` ends it" in finished.stderr
    assert known["jupyter_url"].split("token=")[1] not in finished.stderr
    assert (tmp_path / "opened").read_text().strip() == known["jupyter_url"]

    session = attach_notebook_session(known["session_id"], known["jupyter_url"])
    code = (
        "import helpers, os\n"
        "print(helpers.shout(os.environ['OWN_SECRET']), BASE, open('data/prompts.csv').read())\n"
        "type(plain).__name__, type(model_1).__name__"
    )
    assert session.exec(code, timeout=120).text == (
        "WHISPERED 40 hello\n\n('LlamaForCausalLM', 'PeftModelForCausalLM')\n"
    )
    assert session.notebook_path == "/workspace/steering.ipynb"
    assert "load_model" in session.notebook()["cells"][0]["source"]
    session.detach()

    main(["stop", "steering", "--grace", "0"])
    assert running_sandboxes() == []


def test_a_copy_is_kept_until_ctrl_c_and_the_sandbox_stays(place: str, tmp_path: Path) -> None:
    options = ["--name", "copied", "--notebook-dir", "notebooks", "--backend", place]
    command = [*SEER, "notebook", *options]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        known = json.loads(process.stdout.readline())
        assert known["model_info"] == ""
        session = attach_notebook_session(known["session_id"], known["jupyter_url"])
        session.exec("6 * 7", timeout=60)
        session.detach()
        lines = iter(process.stderr.readline, "")
        assert next(line for line in lines if "Ctrl-C" in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    (cell,) = json.loads((tmp_path / "notebooks" / "copied.ipynb").read_text())["cells"]
    assert cell["outputs"][0]["data"]["text/plain"] == "42"
    assert [each.name for each in running_sandboxes()] == ["copied"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["./nothing-here/of/the/kind"], "nothing-here"),
        (["--gpu", "H1000"], "H1000"),
        (["--library", "missing.py"], "missing.py"),
        (["--file", "missing.csv:data.csv"], "missing.csv"),
        (["--init", "missing.py"], "missing.py"),
        (["same=a/b", "same=a/c"], "same"),
        (["--backend", "moon"], "moon"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_stays(
    options: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said, printed = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(printed),
        pytest.raises(SystemExit) as caught,
    ):
        main(["notebook", *options])
    assert caught.value.code == 1
    assert problem in said.getvalue()
    assert printed.getvalue() == ""
    assert running_sandboxes() == []


def test_models_are_called_as_they_are_named() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    given = [
        "org/a",
        "b=org/b@v1",
        "--peft",
        "c=org/c",
        "org/a",
        "--peft",
        "org/d",
        "a=b",
        "--hidden",
    ]
    models = notebook_config(parser.parse_args(given)).models
    assert [(each.var_name, each.name, each.base_model) for each in models] == [
        ("model", "org/a", None),
        ("b", "org/b@v1", None),
        ("c", "org/c", "org/a"),
        ("model_3", "org/d", "a=b"),
    ]
    assert all(each.hidden for each in models)


def test_a_session_that_cannot_begin_leaves_no_sandbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "first.py").write_text("1 / 0\n")
    with pytest.raises(SystemExit):
        main(["notebook", "--init", str(tmp_path / "first.py")])
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert running_sandboxes() == []
