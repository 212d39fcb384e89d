"""What is said of calls that their callers gave up."""

from __future__ import annotations

from seer_runtime.wire.pb.runtime_pb2 import Failure

DRAINING = Failure(
    kind=Failure.DRAINING,
    effect=Failure.NOT_STARTED,
    message="the sandbox is about to end: what runs may end, nothing new begins (draining)",
    hint="start another sandbox and serve the interface there",
)


def gone(reason: str) -> Failure:
    """Say why the sandbox ends, to whoever is connected."""
    return Failure(
        kind=Failure.DRAINING,
        message=f"the sandbox is gone: {reason}",
        hint="start the sandbox again and serve the interface; show_rpc_logs() may say why",
    )


def overrun(reason: Failure.Kind.ValueType | None, timeout: int) -> int:
    """Give the milliseconds that a call had, where it was given up at its deadline; else 0."""
    return timeout if reason == Failure.DEADLINE else 0


def given_up(timeout: int, message: str = "the call was cancelled") -> Failure:
    """Say why a call was given up: at its deadline after `timeout` milliseconds, or, for 0, before.

    `message` is what is said of one that had no deadline, or did not reach it.
    """
    if not timeout:
        return Failure(kind=Failure.CANCELLED, message=message)
    return Failure(
        kind=Failure.DEADLINE,
        message=f"no result within the {timeout / 1000:g} s that the caller gave",
        hint="give a longer timeout, or none",
    )
