"""From what a sandbox is to be to one whose runtime answers."""

from __future__ import annotations

from functools import partial

import modal
from modal import exception

from seer_rpc.backends.modal.creation import create, end
from seer_rpc.backends.modal.deadlines import within, within_unless_given_up
from seer_rpc.backends.modal.definition import PORT, isolation
from seer_rpc.backends.modal.folders import send_folders
from seer_rpc.backends.modal.machine import ModalMachine
from seer_rpc.backends.modal.observation import Observation
from seer_rpc.backends.modal.presence import Presence
from seer_rpc.backends.modal.problems import translated
from seer_rpc.backends.protocol import MachineSpec
from seer_rpc.client.connection import PUBLIC
from seer_rpc.errors import SandboxLostError, SandboxStartError
from seer_rpc.progress import show_detail

_TUNNEL = 60.0
_READY = 120.0
"""Seconds in which the runtime listens."""

_CONNECTION = 30.0
_SENDING = 900.0
_LAST_LINES = 20
_END = 3.0
"""Seconds in which Modal knows that what does not answer has ended."""


def start_machine(spec: MachineSpec) -> ModalMachine:
    """Start a sandbox and wait until its runtime answers. Raises what `start` does."""
    sandbox = create(spec)
    try:
        with translated():
            machine = _ready(spec, sandbox)
            try:
                _send(spec, sandbox)
            except BaseException:
                machine.stop()
                raise
            return machine
    except BaseException:
        end(sandbox)
        raise


def _ready(spec: MachineSpec, sandbox: modal.Sandbox) -> ModalMachine:
    show_detail("waiting for its runtime")
    observation = Observation(sandbox, spec.sandbox_id)
    try:
        tunnel = within(_TUNNEL, lambda: sandbox.tunnels(timeout=int(_TUNNEL)))[PORT]
        endpoint = f"{PUBLIC}{tunnel.host}:{tunnel.port}"
        ready = partial(sandbox.wait_until_ready, timeout=int(_READY))
        within_unless_given_up(_READY, ready)
        presence = Presence(endpoint, _CONNECTION)
    except (exception.Error, TimeoutError, SandboxLostError) as error:
        raise _failure(observation, error) from error
    if spec.is_detached:
        presence.end()
    return ModalMachine(
        spec.sandbox_id,
        spec.name,
        sandbox,
        endpoint,
        isolation(spec),
        observation,
        None if spec.is_detached else presence,
    )


def _send(spec: MachineSpec, sandbox: modal.Sandbox) -> None:
    if spec.folders:
        show_detail("sending what it begins with")
        try:
            within(_SENDING, lambda: send_folders(sandbox, spec.folders))
        except TimeoutError:
            raise SandboxStartError(
                f"the folders that the sandbox begins with were not sent within {_SENDING:.0f} s"
            ) from None


def _failure(observation: Observation, error: Exception) -> SandboxStartError:
    has_ended = observation.wait(_END)
    problem = "ended" if has_ended else f"does not answer: {error}"
    return SandboxStartError(
        f"the sandbox's runtime {problem}",
        log=observation.lines(_LAST_LINES),
        exit_code=observation.exit_code,
    )
