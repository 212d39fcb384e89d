"""The tools as clients see them: what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastmcp.tools import Tool

from seer_rpc.mcp.notebook.answers import Answer
from seer_rpc.mcp.notebook.excerpts import MOST_OF_ONE
from seer_rpc.mcp.own_tools import own_tool

_ID = r"^[\w-]{1,64}$"
_WAIT = "{wait}"
"""Stands for the seconds that are waited."""

_SESSION = {
    "session_id": {"type": "string", "pattern": _ID, "description": "the id of the session"}
}
_CELL = {
    "type": "string",
    "description": "the id of the cell, as execute_code and read_notebook give it",
}
_EXECUTION = {
    "execution_id": {
        "type": "string",
        "pattern": _ID,
        "description": "as execute_code gave it",
    }
}
_TIMEOUT = {
    "timeout": {
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 3600,
        "default": None,
        "description": f"seconds to wait for its end; null for {_WAIT}. Many clients give up after "
        "60. It ends nothing: code runs on",
    }
}
_URL = {
    "type": "string",
    "default": "",
    "description": "the jupyter_url that was printed with the session_id, whole: it ends in "
    "?token=...; not needed for sandboxes that this machine started",
}
_NAME = {
    "type": ["string", "null"],
    "default": None,
    "description": "the name of the notebook; null for one that is made up",
}


@dataclass(frozen=True)
class Described:
    """What a tool says of itself."""

    description: str
    parameters: Mapping[str, Any]
    read_only: bool = False
    idempotent: bool = True
    only_adds: bool = False
    """Whether nothing is lost by it, so that clients need not ask before."""

    def tool(self, name: str, answer: Answer, wait: float) -> Tool:
        """Make the tool."""
        seconds = f"{wait:g} s"
        parameters = json.loads(json.dumps(dict(self.parameters)).replace(_WAIT, seconds))
        return own_tool(
            answer,
            name,
            self.description.replace(_WAIT, seconds),
            parameters,
            read_only=self.read_only,
            idempotent=self.idempotent,
            only_adds=self.only_adds,
        )


TOOLS = {
    "attach_to_session": Described(
        "Connect to a notebook session that runs in a sandbox, with the two values that its set-up "
        "script printed. Every other tool works only in sessions that are attached or were started "
        "here. Tells which models are loaded in which variables, which libraries can be imported, "
        "and where the notebook is.",
        {**_SESSION, "jupyter_url": _URL},
        only_adds=True,
    ),
    "start_new_session": Described(
        "Start another notebook session on this machine: a sandbox of its own, CPU only, no "
        "models. For work on a GPU or with models, run a set-up script instead and attach to what "
        "it prints. The sandbox ends with shutdown_session, or with this server; a copy of the "
        "notebook stays.",
        {"name": _NAME},
        idempotent=False,
        only_adds=True,
    ),
    "list_sessions": Described(
        "List the notebook sessions that are attached here, and those of sandboxes that this "
        "machine started: id, notebook, whether the kernel is idle, busy or dead, and its models.",
        {},
        read_only=True,
    ),
    "execute_code": Described(
        "Run Python in a new cell of a session's notebook, where the models are loaded, and get "
        "what it put out: text, images, tables, or an error with its traceback. Variables stay "
        "from one cell to the next; the cells of one session run one after the other. Code that "
        f"takes longer than {_WAIT} runs on: the answer then has what it put out so far, and an "
        "execution_id for get_output and interrupt. To cancel this call ends the waiting, not the "
        "code.",
        {
            **_SESSION,
            "code": {"type": "string", "description": "Python, as in a cell of Jupyter"},
            **_TIMEOUT,
            "background": {
                "type": "boolean",
                "default": False,
                "description": "answer at once, with the execution_id",
            },
        },
        idempotent=False,
    ),
    "get_output": Described(
        "Get what code has put out, when it is over or the time to wait is; or, with "
        "output=NUMBER, the text of one output in full, range by range.",
        {
            **_SESSION,
            **_EXECUTION,
            "wait": {
                "type": "boolean",
                "default": True,
                "description": "whether to wait for its end; false tells how far it is",
            },
            **_TIMEOUT,
            "output": {
                "type": ["integer", "null"],
                "minimum": 0,
                "default": None,
                "description": "the number of the output whose text to give",
            },
            "first": {
                "type": "integer",
                "minimum": 0,
                "default": 0,
                "description": "the character of that text to begin with",
            },
            "characters": {
                "type": "integer",
                "minimum": 1,
                "maximum": 20_000,
                "default": MOST_OF_ONE,
                "description": "how many characters of that text to give",
            },
        },
        read_only=True,
    ),
    "interrupt": Described(
        "Interrupt the code that runs in a session, with KeyboardInterrupt, or keep code that "
        "waits from running at all. Variables stay.",
        {
            **_SESSION,
            "execution_id": {
                "type": "string",
                "default": "",
                "description": "which; without it, whatever runs now",
            },
        },
    ),
    "restart": Described(
        "Give a session a new kernel, with its models loaded again; also the way back where a "
        "kernel died. All variables are lost, what runs is ended, the notebook stays as it is.",
        _SESSION,
        idempotent=False,
    ),
    "add_markdown": Described(
        "Add a cell with Markdown to a session's notebook: hypotheses, findings, what the next "
        "cells are for.",
        {
            **_SESSION,
            "content": {"type": "string", "description": "the Markdown"},
            "after": {
                **_CELL,
                "default": "",
                "description": "the cell to put it after; or the end",
            },
        },
        idempotent=False,
        only_adds=True,
    ),
    "edit_cell": Described(
        "Change what a cell of a session's notebook says and, if it has code, run it anew: its "
        "outputs are replaced. Answers as execute_code does.",
        {
            **_SESSION,
            "cell_id": _CELL,
            "code": {"type": "string", "description": "all that the cell says from now on"},
            "run": {
                "type": "boolean",
                "default": True,
                "description": "whether a cell with code is run; text never is",
            },
            **_TIMEOUT,
        },
        idempotent=False,
    ),
    "read_notebook": Described(
        "Read a session's notebook: its cells, their ids, and the beginning and end of what they "
        "put out. A long notebook is read part by part. One cell alone, first_cell=last_cell, is "
        "shown with its images.",
        {
            **_SESSION,
            "first_cell": {**_CELL, "default": "", "description": "the cell to begin with"},
            "last_cell": {**_CELL, "default": "", "description": "the cell to end with"},
        },
        read_only=True,
    ),
    "resume_session": Described(
        "Give a notebook a kernel again: that of a session that was shut down or whose kernel "
        "died (models are loaded again), or a notebook file of this machine, in a sandbox like "
        "that of start_new_session. Cells and outputs are kept; variables are gone unless the "
        "cells run again.",
        {
            "session_id": {"type": "string", "default": "", "description": "the session; or"},
            "notebook": {
                "type": "string",
                "default": "",
                "description": "the path of an .ipynb on this machine, which is written to",
            },
            "jupyter_url": _URL,
            "run_cells": {
                "type": "boolean",
                "default": False,
                "description": "whether to run all cells again, until one raises",
            },
        },
        idempotent=False,
    ),
    "fork_session": Described(
        "Copy a session's notebook and give the copy a kernel of its own in the same sandbox, to "
        "try another way. Variables are not copied; its models are loaded a second time, for which "
        "there must be memory.",
        {
            **_SESSION,
            "name": {"type": "string", "minLength": 1, "description": "the name of the copy"},
        },
        idempotent=False,
        only_adds=True,
    ),
    "shutdown_session": Described(
        "End a session's kernel; its variables are lost. The notebook stays. A sandbox that "
        "start_new_session made ends, too; others run on.",
        _SESSION,
    ),
}
