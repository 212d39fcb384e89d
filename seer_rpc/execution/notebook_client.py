"""Notebook sessions as everybody reaches them who knows their id and their URL."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seer_rpc.errors import CellError, ConfigError, ModelLoadError
from seer_rpc.execution.cells import CellResult, Execution, OnText
from seer_rpc.execution.jupyter import STARTING, Jupyter, understood
from seer_rpc.execution.mirror import Mirror


class NotebookClient:
    """A notebook session: a kernel that runs in a sandbox, and the notebook of what ran there.

    Threads may share it, and so may processes: any number of clients have the same session, whose
    code runs one after the other.
    """

    def __init__(
        self, session_id: str, jupyter_url: str, *, notebook_dir: str | Path | None = None
    ) -> None:
        """Attach to a session.

        Args:
            session_id: As the session has it.
            jupyter_url: As the session has it: it lets in.
            notebook_dir: A folder of this machine for a copy of the notebook, which is kept up to
                date as long as this process is attached.

        Raises:
            NotebookAccessError: the URL leads nowhere, or does not let in.
            NotebookMissingError: there is no session of that id.
        """
        self.session_id = session_id
        self.jupyter_url = jupyter_url
        self._jupyter = Jupyter(jupyter_url)
        self._notebook = ""
        self._mirror: Mirror | None = None
        try:
            self.info()
            if notebook_dir is not None:
                # The sandbox says so: it is not to name a file that is no notebook.
                name = f"{Path(self._notebook).stem}.ipynb"
                file = Path(notebook_dir).expanduser() / name
                self._mirror = Mirror(file, self._fetch)
        except BaseException:
            self._jupyter.close()
            raise

    def __repr__(self) -> str:
        """Show it without what lets in."""
        return (
            f"{type(self).__name__}({self.session_id!r}, at {self._jupyter.address.shown}, "
            f"notebook {self._notebook!r})"
        )

    @property
    def model_info_text(self) -> str:
        """What models its kernel has in which variables; empty where it has none."""
        models = self.info()["models"] or {}
        return str(models.get("text", ""))

    @property
    def notebook_path(self) -> str:
        """Where the notebook is in the sandbox."""
        self._notebook = str(self.info()["path"])
        return self.last_notebook_path

    @property
    def last_notebook_path(self) -> str:
        """Where the notebook was in the sandbox when that was last asked."""
        return f"/workspace/{self._notebook}"

    @property
    def notebook_file(self) -> Path | None:
        """Where the copy of the notebook is on this machine."""
        return self._mirror.file if self._mirror is not None else None

    @property
    def copy_problem(self) -> str:
        """Why that copy is behind, for want of room, say; empty while it is not."""
        return self._mirror.problem if self._mirror is not None else ""

    def info(self) -> dict[str, Any]:
        """Say how it stands.

        `kernel` is idle, busy, restarting or dead; `problem` says what a kernel died of; `running`
        and `queued` are ids of executions.

        Raises:
            NotebookError: the server is not to be reached.
        """
        info = checked_info(self._ask("GET"))
        # Should its server end, it is known where the notebook was.
        self._notebook = info["path"]
        return info

    def exec(
        self,
        code: str,
        *,
        hidden: bool = False,
        timeout: float | None = None,
        on_text: OnText | None = None,
    ) -> CellResult:
        """Run code in the kernel and give what came of it.

        Args:
            code: Python, as in a cell.
            hidden: Whether the notebook, and the history of the kernel, know nothing of it.
            timeout: Seconds to wait. What takes longer runs on.
            on_text: Gets what it prints and shows meanwhile, as text.

        Raises:
            CellError: it raised.
            CellRunningError: the time is over; its `execution` is what to wait for it with.
            KernelDiedError: the kernel died, or was restarted, before it was over.
            NotebookAccessError: the sandbox has ended, or is not to be reached.
        """
        execution = self.start(code, hidden=hidden)
        try:
            return execution.check(timeout, on_text)
        finally:
            self._copy(hidden)

    def exec_file(
        self,
        path: str | Path,
        *,
        hidden: bool = False,
        timeout: float | None = None,
        on_text: OnText | None = None,
    ) -> CellResult:
        """Run a Python file of this machine in the kernel, as one cell.

        The arguments, and what it raises, are those of `exec`.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            code = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the file {path}: {error}") from error
        return self.exec(code, hidden=hidden, timeout=timeout, on_text=on_text)

    def start(self, code: str, *, hidden: bool = False, cell_id: str = "") -> Execution:
        """Have code run, and do not wait for it.

        With `cell_id` it takes the place of what that cell said, and what it put out.

        Raises:
            NotebookMissingError: there is no such cell.
            NotebookAccessError: the sandbox has ended, or is not to be reached.
        """
        # The id is chosen here: what is sent twice runs once.
        execution_id = secrets.token_hex(6)
        given = {"id": execution_id, "code": code, "hidden": hidden, "cell_id": cell_id}
        self._ask("POST", "/executions", given)
        return self.execution(execution_id)

    def execution(self, execution_id: str) -> Execution:
        """Give code that was started, by whomever."""
        return Execution(self._jupyter, self.session_id, str(execution_id))

    def add_markdown(self, content: str, *, after: str = "") -> str:
        """Add a cell with text, at the end or after the cell with that id; gives its id.

        Raises:
            NotebookMissingError: there is no such cell.
        """
        given = {"id": secrets.token_hex(4), "source": content, "after": after}
        added = self._ask("POST", "/cells", given)
        self._copy()
        return str(added["cell_id"])

    def edit_cell(self, cell_id: str, source: str) -> None:
        """Change what a cell says, without running it.

        Raises:
            NotebookMissingError: there is no such cell.
        """
        self._ask("PATCH", f"/cells/{cell_id}", {"source": source})
        self._copy()

    def remove_cell(self, cell_id: str) -> None:
        """Remove a cell.

        Raises:
            NotebookMissingError: there is no such cell.
        """
        self._ask("DELETE", f"/cells/{cell_id}")
        self._copy()

    def notebook(self) -> dict[str, Any]:
        """Give the notebook as it is now, as nbformat has it."""
        answer = self._ask("GET", "/notebook")
        with understood():
            return _checked_notebook(answer["notebook"])

    def interrupt(self, execution_id: str = "") -> bool:
        """Interrupt what runs, or keep what waits from running; tells whether there was anything.

        Without an id it is whatever runs now.
        """
        given = {"execution": execution_id}
        return bool(self._ask("POST", "/interrupt", given)["interrupted"])

    def restart(self, timeout: float | None = None) -> None:
        """Give it a new kernel, and wait until that has the models again.

        Raises:
            ModelLoadError: they cannot be loaded.
            CellRunningError: the time is over; they are loaded on.
        """
        self._ask("POST", "/restart", {}, patience=STARTING)
        self.prepared(timeout)

    def prepared(self, timeout: float | None = None) -> None:
        """Wait until its kernel has the models, and whatever else it begins with.

        Raises:
            ModelLoadError: they cannot be loaded.
            CellError: the workspace's init code raised.
            CellRunningError: the time is over; they are loaded on.
        """
        for execution_id in self.info()["preparation"]:
            self._check_preparation(self.execution(execution_id), timeout)

    def detach(self) -> None:
        """Have no more to do with it; it goes on, and the copy is what the notebook is now."""
        self._copy()
        self._leave()

    def end(self) -> None:
        """End its kernel; the notebook stays in the sandbox, which runs on."""
        self._copy()
        self._ask("DELETE")
        # There is nothing more to copy, nor anybody to ask.
        self._leave()

    def _leave(self) -> None:
        if self._mirror is not None:
            self._mirror.end()
        self._jupyter.close()

    def _move_to(self, url: str) -> None:
        """Reach it under another URL from now on."""
        if url != self.jupyter_url:
            self._jupyter.close()
            self.jupyter_url, self._jupyter = url, Jupyter(url)

    def _check_preparation(self, execution: Execution, timeout: float | None) -> None:
        try:
            execution.check(timeout)
        except CellError as error:
            # Of all that a kernel begins with, this is the user's own.
            raise (error if execution.id.startswith("init-") else not_loaded(error)) from None

    def _ask(self, method: str, path: str = "", body: Any = None, **query: Any) -> Any:
        return self._jupyter.ask(method, f"/{self.session_id}{path}", body, **query)

    def _fetch(self, revision: int, wait: float) -> Any:
        return self._ask("GET", "/notebook", revision=revision, wait=wait)

    def _copy(self, hidden: bool = False) -> None:
        if self._mirror is not None and not hidden:
            self._mirror.update()


def attach_notebook_session(
    session_id: str, jupyter_url: str, *, notebook_dir: str | Path | None = None
) -> NotebookClient:
    """Attach to a session that runs. The arguments, and what it raises, are `NotebookClient`'s."""
    return NotebookClient(session_id, jupyter_url, notebook_dir=notebook_dir)


def checked_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a server says of a session, if it is what `NotebookClient.info` gives.

    Raises:
        NotebookAccessError: it is something else.
    """
    with understood():
        texts = {each: str(info[each]) for each in ("id", "path", "kernel", "problem")}
        # Any cell can say what models there are.
        said = info["models"] if isinstance(info["models"], dict) else {}
        models = {"text": str(said["text"])} if "text" in said else None
        lists = {each: [str(one) for one in info[each]] for each in ("queued", "preparation")}
        running = None if info["running"] is None else str(info["running"])
        return {**info, **texts, **lists, "models": models, "running": running}


def _checked_notebook(notebook: Mapping[str, Any]) -> dict[str, Any]:
    for cell in notebook["cells"]:
        "".join([cell["id"], cell["cell_type"], "".join(cell["source"])])
        for output in cell.get("outputs") or ():
            str(output["output_type"])
    return dict(notebook)


_NO_MEMORY = ("OutOfMemoryError", "MemoryError")


def not_loaded(error: CellError) -> ModelLoadError:
    """Say that it is about a model, and what helps."""
    has_room = not any(name in (error.exception, error.message) for name in _NO_MEMORY)
    failed = ModelLoadError(
        f"the models cannot be loaded into the kernel: {error.message}",
        hint="check that transformers knows the model, and that the directory is whole"
        if has_room
        else 'it is too large for the GPU: take a smaller model, gpu="H100" or more gpu_count',
        remote_traceback=error.remote_traceback,
    )
    failed.exception, failed.result = error.exception, error.result
    return failed
