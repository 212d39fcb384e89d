"""What a call is answered with."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from seer_runtime.endings import DRAINING, given_up, overrun
from seer_runtime.failures import describe_exception
from seer_runtime.wire.errors import EncodeError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.handles import FETCH
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply
from seer_runtime.worker.arena import Arena
from seer_runtime.worker.connections import Call
from seer_runtime.worker.devices import describe_device
from seer_runtime.worker.interface import Interface, NoFunctionError
from seer_runtime.worker.running import CallCancelledError, Running


class Answer(NamedTuple):
    """The frame that ends a call."""

    frame: Frame
    must_end: bool = False
    """Whether a device is of no more use to this worker."""


def result_answer(interface: Interface, arena: Arena, call: Frame, value: object) -> Answer:
    """Answer with a value; one that cannot cross is a failure of its own."""
    try:
        body, segments = interface.encode(call, value, _name(call))
    except BaseException as error:  # noqa: BLE001 - classes of the user's are taken apart
        failure = describe_exception(error, Failure.VALUE, Failure.FINISHED)
        return Answer(error_reply(call, failure))
    kind, name = Kind.RESULT, call.name
    if segments:
        segments = arena.place(segments)
    return Answer(Frame(kind, call.session, call.seq, 0, call.epoch, 0, name, body, segments))


def _name(call: Frame) -> str:
    return "the value" if call.name == FETCH else f"the result of {call.name}()"


def unprepared_answer(call: Frame, error: BaseException) -> Answer:
    """Answer a call whose function was not run."""
    kind = Failure.NO_FUNCTION if isinstance(error, NoFunctionError) else Failure.ARGUMENTS
    return Answer(error_reply(call, describe_exception(error, kind, Failure.NOT_STARTED)))


def refused_answer(call: Call) -> Answer:
    """Answer a call that must not begin: given up, used its number, or its session is over."""
    if call.given_up == Failure.DRAINING:
        return Answer(error_reply(call.frame, DRAINING))
    if call.given_up is not None:
        limit = overrun(call.given_up, call.frame.timeout)
        return Answer(error_reply(call.frame, given_up(limit)))
    failure = Failure(
        kind=Failure.SESSION_OVER,
        effect=Failure.NOT_STARTED,
        message="the session is over, or another client has it now",
        hint="open another session, with a name of its own where it has one",
    )
    return Answer(error_reply(call.frame, failure))


def raised_answer(call: Frame, error: BaseException, running: Running) -> Answer:
    """Answer a call whose function raised, or was ended."""
    is_end = isinstance(error, CallCancelledError | asyncio.CancelledError)
    if is_end and running.requested is not None:
        return cancelled_answer(running, error, Failure.INTERRUPTED, running.requested)
    if isinstance(error, EncodeError):
        failure = describe_exception(error, Failure.VALUE, Failure.INTERRUPTED)
        return Answer(error_reply(call, failure))
    if isinstance(error, SystemExit):
        failure = describe_exception(error, Failure.EXITED, Failure.FINISHED)
        return Answer(error_reply(call, failure))
    failure = describe_exception(error, Failure.RAISED, Failure.FINISHED)
    must_end = describe_device(error, failure)
    return Answer(error_reply(call, failure), must_end)


def cancelled_answer(
    running: Running,
    error: BaseException,
    effect: Failure.Effect.ValueType,
    state: Failure.State.ValueType,
) -> Answer:
    """Answer a call that was ended because nobody waited for it."""
    reason = given_up(running.timeout, "the call was cancelled while it ran")
    failure = describe_exception(error, reason.kind, effect)
    failure.message, failure.hint, failure.state = reason.message, reason.hint, state
    return Answer(error_reply(running.call.frame, failure))
