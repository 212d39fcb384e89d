"""The errors that a lost link ends with."""

from __future__ import annotations

from seer_rpc.client.obituary import ending_of, read_obituary
from seer_rpc.errors import AuthenticationError, SandboxLostError
from seer_runtime.wire.exits import describe_exit
from seer_runtime.wire.limits import ELSEWHERE

START_AGAIN = "start the sandbox again and serve the interface; show_rpc_logs() may say why"


def refused(details: str) -> AuthenticationError:
    """Say that the token is not good, or that none would be."""
    if details == ELSEWHERE:
        return AuthenticationError(
            f"the sandbox turned this machine away: {details}",
            hint="its owner says who may come: SandboxConfig(allow_from=[...])",
        )
    return AuthenticationError(
        f"the sandbox refused the token: {details}",
        hint="connection files are good for one sandbox: start the session again",
    )


def vanished(details: str, endpoint: str) -> SandboxLostError:
    """Say that the sandbox is gone, and how it ended where that is known."""
    return ended(endpoint) or SandboxLostError(f"the sandbox is gone: {details}", hint=START_AGAIN)


def ended(endpoint: str) -> SandboxLostError | None:
    """Say how the sandbox ended; None where nobody left word that it has."""
    obituary = read_obituary(endpoint)
    if obituary is None:
        return None
    end = ending_of(obituary) or f"its front {describe_exit(obituary.exit_code)}"
    return SandboxLostError(
        f"the sandbox is gone: {end}",
        hint=START_AGAIN,
        log=obituary.log,
        exit_code=obituary.exit_code,
    )
