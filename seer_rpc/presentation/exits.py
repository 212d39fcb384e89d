"""The exit statuses of command lines that call functions: one for each kind of failure."""

from __future__ import annotations

from enum import IntEnum

from seer_rpc import errors


class Exit(IntEnum):
    """How a call on a command line ended."""

    VALUE = 0
    OTHER = 1
    USAGE = 2
    NO_FUNCTION = 3
    ARGUMENTS = 4
    RAISED = 5
    DEADLINE = 6
    CANCELLED = 7
    CUT_OFF = 8
    NO_SANDBOX = 9
    RUNNING = 10
    NO_JOB = 11
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Say in words what it stands for."""
        return _MEANINGS[self]


def exit_of(error: errors.SeerError) -> Exit:
    """Give the exit status that says what an error says."""
    return next((status for cls, status in _STATUSES if isinstance(error, cls)), Exit.OTHER)


_STATUSES = (
    (errors.FunctionMissingError, Exit.NO_FUNCTION),
    (errors.ArgumentError, Exit.ARGUMENTS),
    (errors.RemoteError, Exit.RAISED),
    (errors.RemoteExit, Exit.RAISED),
    (errors.DeadlineExceededError, Exit.DEADLINE),
    (errors.CallCancelledError, Exit.CANCELLED),
    (errors.WorkerDiedError, Exit.CUT_OFF),
    (errors.StateLostError, Exit.CUT_OFF),
    (errors.QueueFullError, Exit.CUT_OFF),
    (errors.SessionError, Exit.NO_SANDBOX),
)
_MEANINGS = {
    Exit.VALUE: "the result is on standard output",
    Exit.OTHER: "another failure, which the message explains",
    Exit.USAGE: "the command line is wrong; nothing ran",
    Exit.NO_FUNCTION: "there is no such function",
    Exit.ARGUMENTS: "the arguments do not fit the function; it did not run",
    Exit.RAISED: "the function raised an exception",
    Exit.DEADLINE: "the time was over; the function was ended",
    Exit.CANCELLED: "the call was cancelled",
    Exit.CUT_OFF: "the worker died, was restarted or is overloaded; the message says what ran",
    Exit.NO_SANDBOX: "the sandbox is gone, or serves another version of the interface",
    Exit.RUNNING: "the job is still running; ask again",
    Exit.NO_JOB: "there is no such job",
    Exit.INTERRUPTED: "interrupted; a call is ended then, a job goes on",
}
