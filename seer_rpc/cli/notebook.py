"""`seer notebook`: a sandbox with models in a notebook session, for whoever is told of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
import webbrowser

from seer_rpc.cli.notebook_options import add_options, notebook_config, notebook_workspace
from seer_rpc.cli.options import Commands
from seer_rpc.environment import Sandbox
from seer_rpc.execution import NotebookSession, create_notebook_session
from seer_rpc.registry import find_sandbox, is_running

_PERIOD = 0.5

_EPILOG = """\
On standard output it prints one line of JSON, and all else on standard error:

  {"session_id": "...", "jupyter_url": "...", "model_info": "..."}

The first two are what others need to work in the session: `attach_to_session` of the MCP server
for notebooks takes them, and so does `attach_notebook_session` in Python. JupyterLab is at the URL,
which lets in whoever has it: keep it to yourself.

The sandbox stays when the command has ended, with what is in its memory: until --timeout is over or
`seer stop` ends it. The notebook is in it, and goes with it: --notebook-dir has a copy, `seer stop
NAME --snapshot "..."` keeps the files.

A model is `model` in the kernel, with its `tokenizer`; further ones are `model_1` and so on, with
`model_1_tokenizer`. To call it something else, write base=org/model. More than these options has
a script: SandboxConfig, Workspace, create_notebook_session.

examples:
  seer notebook HuggingFaceTB/SmolLM2-135M-Instruct > session.json
  seer notebook ./my-model --library helpers.py --file prompts.csv --name steering --open
  seer notebook Qwen/Qwen3-8B --gpu H100 --secret HF_TOKEN --package einops --timeout 14400
  seer notebook base=org/model --peft tuned=org/adapter org/model --hidden
  seer notebook org/model --notebook-dir notebooks        # a copy, kept up to date until Ctrl-C
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "notebook",
        help="start a sandbox with models and a notebook session, and print how to attach",
        description="Start a sandbox with models in a notebook session that stays, and print how "
        "it is reached.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Start it, and print how it is reached."""
    config, workspace = notebook_config(parsed), notebook_workspace(parsed)
    sandbox = Sandbox(config, backend=parsed.backend)
    try:
        sandbox.start(parsed.name)
        session = create_notebook_session(
            sandbox, workspace, parsed.name, notebook_dir=parsed.notebook_dir
        )
        _tell(session)
    except BaseException:
        sandbox.terminate()
        raise
    try:
        if parsed.open:
            webbrowser.open(session.jupyter_url)
        if parsed.notebook_dir is not None:
            _stay(session)
    finally:
        session.detach()


def _tell(session: NotebookSession) -> None:
    known = {
        "session_id": session.session_id,
        "jupyter_url": session.jupyter_url,
        "model_info": session.model_info_text,
    }
    print(json.dumps(known), flush=True)
    sandbox = session.sandbox
    _note(
        f"sandbox {sandbox.name} runs on, for {sandbox.config.timeout:g} s at most: "
        f"`seer stop {sandbox.name}` ends it"
    )


def _stay(session: NotebookSession) -> None:
    """Keep the copy of the notebook up to date, as long as the sandbox runs."""
    _note(f"{session.notebook_file} is kept up to date until Ctrl-C; the sandbox stays then")
    record = find_sandbox(session.sandbox.sandbox_id)
    while is_running(record):
        time.sleep(_PERIOD)
    _note(f"sandbox {session.sandbox.name} has ended")


def _note(text: str) -> None:
    print(f"seer: {text}", file=sys.stderr, flush=True)
