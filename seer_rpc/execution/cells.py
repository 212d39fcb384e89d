"""Code that runs in a notebook, and what came of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from seer_rpc.errors import CellError, CellRunningError, KernelDiedError, NotebookError
from seer_rpc.execution.jupyter import HELD, Jupyter, understood

Output: TypeAlias = Mapping[str, Any]
"""An output as a notebook has it."""

OnText: TypeAlias = Callable[[str], None]
"""Takes what code prints, as it comes."""

Status: TypeAlias = Literal["queued", "running", "ok", "error", "dead"]

_OVER = ("ok", "error", "dead")
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours, and where the cursor goes
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links
    r"|[@-Z\\^_=>])"
)


@dataclass(frozen=True)
class CellResult:
    """What code put out, and how it ended; as text it is what a person would read."""

    execution_id: str
    status: Status
    execution_count: int | None
    """The number of the cell; None for code that is hidden."""

    outputs: Sequence[Output] = field(repr=False)
    cell_id: str = ""
    seconds: float = 0.0
    """How long it ran."""

    problem: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What it ended with, if that was an error: `ename`, `evalue`, `traceback`."""

    @property
    def text(self) -> str:
        """All that it printed and showed, as text."""
        return "".join(map(_as_text, self.outputs))

    @property
    def ok(self) -> bool:
        """Whether it ended without an error."""
        return self.status == "ok"

    def __str__(self) -> str:
        """Give the text."""
        return self.text


class Execution:
    """Code that was given to a kernel. It runs on, whoever waits for it."""

    def __init__(self, jupyter: Jupyter, session_id: str, execution_id: str) -> None:
        """Know it by its id."""
        self.id = execution_id
        self._jupyter = jupyter
        self._session_id = session_id
        self._outputs: list[dict[str, Any]] = []
        self._version = 0
        self._known: Mapping[str, Any] = {"status": "queued"}

    def __repr__(self) -> str:
        """Show what is known."""
        return f"Execution({self.id!r}, status={self.status!r})"

    @property
    def status(self) -> Status:
        """How it stands, as was last heard."""
        status: Status = self._known["status"]
        return status

    @property
    def is_over(self) -> bool:
        """Whether it has ended, as was last heard."""
        return self.status in _OVER

    @property
    def result(self) -> CellResult:
        """What it has put out, as was last heard."""
        return CellResult(
            self.id,
            self.status,
            self._known.get("execution_count"),
            [dict(each) for each in self._outputs],
            self._known.get("cell_id", ""),
            self._known.get("seconds", 0.0),
            self._known.get("problem") or {},
        )

    def refresh(self, wait: float = 0.0, on_text: OnText | None = None) -> CellResult:
        """Ask what there is by now, and wait for news for so many seconds, 5 at most.

        Raises:
            NotebookError: the server is not to be reached, or does not know it any more.
        """
        path = f"/{self._session_id}/executions/{self.id}"
        known = self._jupyter.ask("GET", path, since=self._version, wait=round(min(wait, HELD), 3))
        with understood():
            self._apply(known["outputs"])
            self._known = _checked(known)
            new = _added(known["outputs"]["changes"]) if on_text is not None else []
        if on_text is not None:
            for text in new:
                on_text(text)
        return self.result

    def wait(self, timeout: float | None = None, on_text: OnText | None = None) -> CellResult:
        """Wait for its end, an error too; gives what there is when the time is over, if it is.

        Args:
            timeout: Seconds.
            on_text: Gets what it prints and shows meanwhile, as text.

        Raises:
            NotebookError: the server is not to be reached.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = HELD if deadline is None else max(0.0, deadline - time.monotonic())
            self.refresh(left, on_text)
            if self.is_over or (deadline is not None and time.monotonic() >= deadline):
                return self.result

    def check(self, timeout: float | None = None, on_text: OnText | None = None) -> CellResult:
        """Wait for its end.

        Raises:
            CellError: it raised.
            CellRunningError: the time is over; it runs on.
            KernelDiedError: the kernel died, or was restarted, before it was over.
            NotebookError: the server is not to be reached.
        """
        result = self.wait(timeout, on_text)
        if result.status == "dead":
            raise self._died(result)
        if result.status == "error":
            raise self._raised(result)
        if not self.is_over:
            running = CellRunningError(
                f"the code did not end within {timeout:g} s; it runs on",
                hint=f"wait for it with .execution, whose id is {self.id}, or interrupt() it",
            )
            running.execution = self
            raise running
        return result

    def _apply(self, outputs: Mapping[str, Any]) -> None:
        if outputs["is_new"]:
            self._outputs.clear()
        for change in outputs["changes"]:
            index, text, whole = change["index"], change.get("append"), change.get("output")
            if whole is None:
                self._outputs[index]["text"] += text
            elif index < len(self._outputs):
                self._outputs[index] = dict(whole)
            else:
                self._outputs.append(dict(whole))
        self._version = int(outputs["version"])

    def _raised(self, result: CellResult) -> CellError:
        problem = self._known["problem"]
        error = CellError(
            f"the code raised {problem['ename']}: {problem['evalue']}",
            remote_traceback=without_colours("\n".join(problem.get("traceback", ()))),
        )
        error.exception, error.result = problem["ename"], result
        return error

    def _died(self, result: CellResult) -> NotebookError:
        problem = self._known["problem"]
        if problem["ename"] == "KeyboardInterrupt":
            return self._raised(result)
        died = KernelDiedError(
            problem["evalue"],
            hint="restart() gives a new kernel, with the models loaded again",
        )
        died.result = result
        return died


def _added(changes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give what is new as text."""
    texts = (each.get("append") or _as_text(each.get("output") or {}) for each in changes)
    return list(filter(None, texts))


def _checked(known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what a server says of an execution, if that is what is asked for below."""
    if known["status"] not in get_args(Status):
        raise ValueError("no status")
    if known["status"] in ("error", "dead"):
        [str(known["problem"][each]) for each in ("ename", "evalue")]
    float(known["seconds"])
    return known


def without_colours(text: str) -> str:
    """Take out what a terminal would obey, and what was written over."""
    lines = _ANSI.sub("", text).split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _as_text(output: Output) -> str:
    match output.get("output_type"):
        case "stream":
            return without_colours(joined(output.get("text")))
        case "error":
            return without_colours(joined(output.get("traceback"), "\n")) + "\n"
        case "display_data" | "execute_result":
            return f"{_shown(output.get('data'))}\n"
    return ""


def _shown(data: Any) -> str:
    if not isinstance(data, dict):
        return joined(data)
    for kind in ("text/plain", "text/markdown", "text/html"):
        if kind in data:
            return joined(data[kind])
    return f"[{', '.join(data)}]"


def joined(text: Any, between: str = "") -> str:
    """Give what a notebook has as text, or as a list of lines; code can put out anything there."""
    if isinstance(text, list):
        return between.join(map(str, text))
    return "" if text is None else str(text)
