"""Errors of torch's devices, raised by torch's own types: no GPU is needed to raise them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seer_rpc.client import Session
from seer_rpc.errors import DeviceMemoryError, RemoteError, StateLostError, WorkerDiedError

SOURCE = """
import torch

calls = []


class OwnError(Exception):
    pass


@expose
def count() -> int:
    calls.append(1)
    return len(calls)


@expose
def run_out() -> None:
    big = bytearray(1 << 20)
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


@expose
def poison() -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


@expose
def json_error() -> None:
    import json

    json.loads("{")


@expose
def own() -> None:
    raise OwnError("mine")
"""


def test_memory_that_runs_out_is_told_and_the_worker_goes_on(
    open_session: Callable[[str], Session],
) -> None:
    session = open_session(SOURCE)
    session.call("count", [], {})

    with pytest.raises(DeviceMemoryError, match="Tried to allocate 20") as caught:
        session.call("run_out", [], {})

    assert caught.value.exception == "torch.OutOfMemoryError"
    assert "in run_out" in caught.value.remote_traceback
    assert "smaller model" in caught.value.hint
    assert caught.value.state == "kept"
    assert session.call("count", [], {}) == 2


def test_a_poisoned_context_ends_the_worker_and_starts_another(
    open_session: Callable[[str], Session],
) -> None:
    session = open_session(SOURCE)
    session.call("count", [], {})

    with pytest.raises(RuntimeError, match="device-side assert") as caught:
        session.call("poison", [], {})
    assert isinstance(caught.value, RemoteError)
    assert caught.value.state == "lost"

    # Whether the front has noticed the worker's end by now or not.
    with pytest.raises((StateLostError, WorkerDiedError)) as lost:
        session.call("count", [], {})
    assert lost.value.started is False
    assert session.call("count", [], {}) == 1


def test_an_exception_of_a_module_that_is_loaded_here_keeps_its_type(
    open_session: Callable[[str], Session],
) -> None:
    import json

    session = open_session(SOURCE)

    with pytest.raises(json.JSONDecodeError) as caught:
        session.call("json_error", [], {})
    assert isinstance(caught.value, RemoteError)
    assert caught.value.exception == "json.decoder.JSONDecodeError"

    with pytest.raises(RemoteError, match="mine") as own:
        session.call("own", [], {})
    assert type(own.value) is RemoteError
    assert own.value.exception.endswith(".OwnError")
