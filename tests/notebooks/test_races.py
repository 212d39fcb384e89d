"""Agents that do the same at once, sessions that end under whoever waits, outputs that are odd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.errors import (
    KernelDiedError,
    NotebookAccessError,
    NotebookError,
    NotebookMissingError,
)
from seer_rpc.execution import (
    NotebookClient,
    NotebookSession,
    attach_notebook_session,
    create_notebook_session,
    fork_notebook_session,
    mirror,
    resume_notebook_session,
)
from seer_rpc.registry import running_sandboxes
from seer_rpc.workspace import Workspace

WaitUntil = Callable[..., None]

_SLOW_TO_BEGIN = Workspace(custom_init_code="import time; time.sleep(0.5); ready = 1")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig()) as sandbox:
        yield sandbox


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[NotebookSession]:
    session = create_notebook_session(sandbox, _SLOW_TO_BEGIN, keep=False)
    yield session
    session.detach()


def at_once(work: Callable[[int], NotebookClient | NotebookError]) -> list[object]:
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(work, range(3)))


def test_all_who_resume_a_session_at_once_have_it_when_it_is_ready(
    session: NotebookSession,
) -> None:
    session.end()

    def resume(_: int) -> NotebookClient:
        return resume_notebook_session(session.session_id, session.jupyter_url)

    clients = [each for each in at_once(resume) if isinstance(each, NotebookClient)]
    kernels = {each.info()["kernel_id"] for each in clients}
    assert (len(clients), len(kernels)) == (3, 1)
    assert clients[0].exec("ready").text == "1\n"
    clients[0].end()


def test_of_all_who_fork_under_one_name_one_has_it(
    session: NotebookSession, sandbox: Sandbox
) -> None:
    # It takes a moment to write.
    session.exec("for _ in range(20): display({'text/plain': 'x' * 200_000}, raw=True)")

    def fork(_: int) -> NotebookClient | NotebookError:
        try:
            return fork_notebook_session(session, "twin")
        except NotebookError as error:
            return error

    forks = at_once(fork)
    (made,) = [each for each in forks if isinstance(each, NotebookClient)]
    refusals = [each.message for each in forks if isinstance(each, NotebookError)]
    assert all("twin.ipynb is there already" in each for each in refusals)
    assert len(json.loads(sandbox.read_file("twin.ipynb"))["cells"]) == 1
    made.end()


def test_who_waits_for_code_hears_that_the_session_was_ended(session: NotebookSession) -> None:
    waiting = attach_notebook_session(session.session_id, session.jupyter_url)
    execution = waiting.start("print('begun', flush=True)\ntime.sleep(60)")
    while "begun" not in execution.refresh(5).text:
        pass
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(execution.check, 30)
        session.end()
        with pytest.raises(KernelDiedError, match="the session was ended") as caught:
            waited.result()
    assert caught.value.result.text.startswith("begun\n")
    waiting.detach()


def test_who_asks_for_code_later_hears_that_the_session_was_ended(
    session: NotebookSession, wait_until: WaitUntil
) -> None:
    later = attach_notebook_session(session.session_id, session.jupyter_url)
    execution = later.start("print('begun', flush=True)\ntime.sleep(60)")
    while "begun" not in execution.refresh(5).text:
        pass
    session.end()
    wait_until(lambda: not _lets_in(later))
    with pytest.raises(KernelDiedError, match="the session was ended") as caught:
        execution.check(30)
    assert caught.value.result.text.startswith("begun\n")
    # Its token is good for this alone.
    with pytest.raises(NotebookAccessError):
        later.info()
    later.detach()


def _lets_in(client: NotebookClient) -> bool:
    try:
        client.info()
    except NotebookAccessError:
        return False
    except NotebookMissingError:
        pass
    return True


def test_an_output_that_is_nested_too_deeply_hurts_nothing(session: NotebookSession) -> None:
    nested = (
        "import sys\nsys.setrecursionlimit(100_000)\nd = 1\nfor _ in range({}): d = [d]\n"
        "display({{'application/json': d, 'text/plain': 'deep'}}, raw=True)"
    )
    assert "nested too deeply" in session.exec(nested.format(900)).text
    # No JSON of so many levels is read, and it is this cell alone that has no output.
    assert "deep\n" not in session.exec(nested.format(5_000)).text
    assert session.exec("'as ever'").text == "'as ever'\n"
    assert json.loads(session.sandbox.read_file(session.notebook_path))["cells"]


def test_a_session_that_is_ended_leaves_no_copy_behind_it(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = create_notebook_session(sandbox, notebook_dir=tmp_path, keep=False)
    session.exec("'copied'")
    session.end()
    assert session.notebook_file is not None
    assert "copied" in session.notebook_file.read_text()
    assert "behind" not in capsys.readouterr().err


def test_a_copy_that_is_kept_is_no_use_of_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    # It is asked for more often than the sandbox has time.
    monkeypatch.setattr(mirror, "HELD", 0.5)
    sandbox = Sandbox(SandboxConfig(idle_timeout=2)).start()
    try:
        session = create_notebook_session(sandbox, notebook_dir=tmp_path, keep=False)

        def runs() -> bool:
            return sandbox.sandbox_id in {record.id for record in running_sandboxes()}

        wait_until(lambda: not runs(), seconds=30)
        session.detach()
    finally:
        sandbox.terminate()
