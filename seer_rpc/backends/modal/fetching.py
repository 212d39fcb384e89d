"""Sandboxes that fetch a model from the hub into its volume, one at a time for each volume."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import modal
from modal import exception

from seer_rpc.backends.hub import gated, unknown
from seer_rpc.backends.modal.creation import build, end, lookup_app, schedule
from seer_rpc.backends.modal.deadlines import asked, within_unless_given_up
from seer_rpc.backends.modal.definition import APP
from seer_rpc.backends.modal.images import fetching_image
from seer_rpc.backends.modal.volumes import is_whole
from seer_rpc.backends.models import ModelSource, not_hidden
from seer_rpc.errors import ModelFetchError, SeerError
from seer_rpc.progress import show_detail
from seer_rpc.sizes import show_size
from seer_rpc.waiting import wait_until
from seer_runtime.wire.fetches import FetchEnd, FetchReport
from seer_runtime.wire.hiding import HidingError

TAG = "seer-rpc-fetch"
"""The tag of these sandboxes; its value is the volume that they fill."""

_COMMAND = ("python", "-P", "-m", "seer_runtime.kernel.fetching")
_FOLDER = "/model"
_LONGEST = 12 * 3600
_LOOKUP = 600
"""Seconds that one of them lives at most."""

_SLACK = 120.0
_CPU = 4.0
_MEMORY = 8192
"""MiB."""

_COMMITTED = 60.0
"""Seconds in which what was written last is seen in the volume."""

_AGAIN = 0.5
_LAST_LINES = 20
_READ = 5.0
"""Seconds in which what was printed at the end has arrived."""

# What is half there, and what is known of the hub, is not for the volume.
_VARIABLES = {
    "HF_HOME": "/tmp/huggingface",
    "HF_XET_CACHE": "/tmp/xet",
    "HF_XET_HIGH_PERFORMANCE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def fetch(
    source: ModelSource,
    commit: str,
    name: str,
    volume: modal.Volume,
    tokens: Sequence[modal.Secret],
) -> None:
    """Have a revision in its volume; where another process fetches it just now, that is waited for.

    Raises:
        ModelNotFoundError: the hub does not give it.
        ModelFetchError: it does not arrive.
        CapacityError: there is no machine to fetch it.
    """
    while not is_whole(volume):
        try:
            sandbox = _start(
                [
                    source.repo,
                    commit,
                    _FOLDER,
                    *(source.hidden.configured if source.hidden else ()),
                ],
                tokens,
                name=name,
                timeout=_LONGEST,
                tags={TAG: name},
                volumes={_FOLDER: volume},
            )
        except exception.AlreadyExistsError:
            _await_other(name)
            time.sleep(_AGAIN)
            continue
        _Fetching(source, sandbox, _LONGEST).finish(bool(tokens))
        _await_marker(source, volume)


def look_up(source: ModelSource, tokens: Sequence[modal.Secret]) -> str:
    """Ask the hub from Modal which commit a revision is.

    Raises:
        ModelNotFoundError: the hub does not give it.
        ModelFetchError: the hub does not answer.
        CapacityError: there is no machine to ask from.
    """
    arguments = [source.repo, *filter(None, [source.revision])]
    sandbox = _start(arguments, tokens, timeout=_LOOKUP, tags={TAG: "lookup"})
    lookup = _Fetching(source, sandbox, _LOOKUP)
    lookup.finish(bool(tokens))
    return lookup.commit


class _Fetching:
    """A sandbox at work, and what it says."""

    def __init__(self, source: ModelSource, sandbox: modal.Sandbox, longest: float) -> None:
        self._source = source
        self.commit = ""
        self._sandbox = sandbox
        self._longest = longest
        self._problem = ""
        self._errors: deque[str] = deque(maxlen=_LAST_LINES)
        self._readers = [
            _reader(sandbox.stdout, self._take),
            _reader(sandbox.stderr, lambda line: self._errors.append(line.rstrip())),
        ]

    def finish(self, has_token: bool) -> None:
        """Wait for its end; it ends where this is interrupted, too."""
        try:
            code = _await_end(self._sandbox, self._longest)
        except BaseException:
            end(self._sandbox)
            raise
        if code is None:
            end(self._sandbox)
        for reader in self._readers:
            reader.join(_READ)
        # Its connections stay open otherwise.
        with contextlib.suppress(exception.Error):
            self._sandbox.detach()
        if code != 0:
            raise self._failure(code, has_token)

    def _take(self, line: str) -> None:
        report = FetchReport.from_line(line)
        if report is None:
            return
        self.commit = report.commit or self.commit
        self._problem = report.problem or self._problem
        if report.total:
            show_detail(f"{show_size(report.done)} of {show_size(report.total)}")

    def _failure(self, code: int | None, has_token: bool) -> SeerError:
        source = self._source
        name, problem = source.masked(source.name), source.masked(self._problem)
        match code:
            case FetchEnd.GATED:
                return gated(source, has_token)
            case FetchEnd.UNKNOWN:
                return unknown(source, has_token)
            case FetchEnd.NOT_HIDDEN:
                return not_hidden(source, HidingError(problem))
            case FetchEnd.UNREACHABLE:
                return self._fetch_error(
                    f"the Hugging Face hub did not give {name}: {problem}",
                    "start again: what has arrived stays, and https://status.huggingface.co tells "
                    "whether the hub is up",
                )
            case FetchEnd.NO_ROOM:
                return self._fetch_error(
                    f"there is no room on Modal for {name}: {problem}",
                    "`modal volume list` shows what there is, and `modal volume delete` makes room",
                )
        return self._fetch_error(
            f"what fetched {name} on Modal was ended before it had done so",
            "start again: it goes on with what is missing",
            code,
        )

    def _fetch_error(self, message: str, hint: str, code: int | None = None) -> ModelFetchError:
        return ModelFetchError(
            message, hint=hint, log=[*map(self._source.masked, self._errors)], exit_code=code
        )


def _start(
    arguments: Sequence[str], tokens: Sequence[modal.Secret], **options: Any
) -> modal.Sandbox:
    app = lookup_app()
    image = build(app, fetching_image())
    endpoint = {"HF_ENDPOINT": os.environ["HF_ENDPOINT"]} if "HF_ENDPOINT" in os.environ else {}
    make = partial(
        modal.Sandbox.create,
        *_COMMAND,
        *arguments,
        app=app,
        image=image,
        cpu=_CPU,
        memory=_MEMORY,
        env={**_VARIABLES, **endpoint},
        secrets=list(tokens),
        **options,
    )
    return schedule(make)


def _await_other(name: str) -> None:
    """Wait until the sandbox of that name has ended, whose fetch others wait for."""
    show_detail("another process fetches it")
    # It may have ended just now.
    with contextlib.suppress(exception.NotFoundError):
        sandbox = asked(partial(modal.Sandbox.from_name, APP, name))
        _await_end(sandbox, _LONGEST)


def _await_end(sandbox: modal.Sandbox, longest: float) -> int | None:
    # One whose time is over is an exception, whatever is asked for.
    with contextlib.suppress(exception.SandboxTimeoutError, TimeoutError):
        waiting = partial(sandbox.wait, raise_on_termination=False)
        within_unless_given_up(longest + _SLACK, waiting)
    return sandbox.returncode


def _await_marker(source: ModelSource, volume: modal.Volume) -> None:
    if not wait_until(partial(is_whole, volume), _COMMITTED, _AGAIN):
        raise ModelFetchError(
            f"{source.masked(source.name)} was fetched, and its volume on Modal does not show it",
            hint="start again",
        )


def _reader(output: Iterable[str], take: Callable[[str], object]) -> threading.Thread:
    def read() -> None:
        # What breaks at the end of the sandbox is its end.
        with contextlib.suppress(exception.Error, OSError):
            for line in output:
                take(line)

    thread = threading.Thread(target=read, name="seer-modal-fetch", daemon=True)
    thread.start()
    return thread
