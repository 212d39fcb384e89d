"""From what a sandbox is to be to one whose runtime answers."""

from __future__ import annotations

from functools import partial

import modal
from modal import exception

from seer_rpc.backends.listening import Address
from seer_rpc.backends.modal.creation import create, end
from seer_rpc.backends.modal.deadlines import within_unless_given_up
from seer_rpc.backends.modal.definition import isolation, plan_entrance, port
from seer_rpc.backends.modal.folders import send_folders
from seer_rpc.backends.modal.machine import ModalMachine
from seer_rpc.backends.modal.observation import Observation
from seer_rpc.backends.modal.presence import Presence
from seer_rpc.backends.modal.problems import PROBABLY_MODAL, translated
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import MachineSpec, NetworkAccess
from seer_rpc.client.connection import PUBLIC
from seer_rpc.errors import AuthenticationError, SandboxLostError, SandboxStartError
from seer_rpc.progress import show_detail

_TUNNEL = 60.0
_READY = 120.0
"""Seconds in which the runtime listens."""

_CONNECTION = 30.0
_SENDING = 900.0
_LAST_LINES = 20
_ALLOWED = "is this machine's own address, as the internet sees it, in allow_from=?"
_END = 3.0
"""Seconds in which Modal knows that what does not answer has ended."""


def start_machine(spec: MachineSpec) -> ModalMachine:
    """Start a sandbox and wait until its runtime answers. Raises what `start` does."""
    entrance = plan_entrance(spec)
    sandbox = create(spec, entrance)
    try:
        with translated():
            machine = _ready(spec, sandbox, entrance)
            try:
                _send(spec, sandbox)
            except BaseException:
                machine.stop()
                raise
            return machine
    except BaseException:
        end(sandbox)
        raise


def _ready(spec: MachineSpec, sandbox: modal.Sandbox, entrance: Entrance | None) -> ModalMachine:
    show_detail("waiting for its runtime")
    observation = Observation(sandbox, spec.sandbox_id)
    try:
        tunnels = within_unless_given_up(_TUNNEL, lambda: sandbox.tunnels(timeout=int(_TUNNEL)))
        network = _network(tunnels[port(entrance)], entrance)
        ready = partial(sandbox.wait_until_ready, timeout=int(_READY))
        within_unless_given_up(_READY, ready)
        presence = Presence(network.connection("", ""), _CONNECTION)
    except (exception.Error, TimeoutError, SandboxLostError, AuthenticationError) as error:
        raise _failure(spec, observation, error) from error
    if spec.is_detached:
        presence.end()
    return ModalMachine(
        spec.sandbox_id,
        spec.name,
        sandbox,
        network,
        isolation(spec),
        observation,
        None if spec.is_detached else presence,
    )


def _send(spec: MachineSpec, sandbox: modal.Sandbox) -> None:
    if spec.folders:
        show_detail("sending what it begins with")
        try:
            within_unless_given_up(_SENDING, lambda: send_folders(sandbox, spec.folders))
        except TimeoutError:
            raise SandboxStartError(
                f"the folders that the sandbox begins with were not sent within {_SENDING:.0f} s"
            ) from None


def _network(tunnel: modal.Tunnel, entrance: Entrance | None) -> NetworkAccess:
    if entrance is None:
        return NetworkAccess(endpoint=f"{PUBLIC}{tunnel.host}:{tunnel.port}")
    return entrance.access(str(Address(*tunnel.tcp_socket)))


def _failure(spec: MachineSpec, observation: Observation, error: Exception) -> SandboxStartError:
    has_ended = observation.wait(_END)
    problem = "ended" if has_ended else f"does not answer: {error}"
    return SandboxStartError(
        f"the sandbox's runtime {problem}",
        hint="" if has_ended else _ALLOWED if spec.allowed else PROBABLY_MODAL,
        log=observation.lines(_LAST_LINES),
        exit_code=observation.exit_code,
    )
