"""Pools on Modal: what only a service that takes its time can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from seer_rpc.environment import SandboxConfig, SandboxPool
from seer_rpc.errors import BackendError, SandboxError
from tests.modal_emulator.requirements import require_modal

require_modal()

from grpclib import Status  # noqa: E402

from tests.modal_emulator.faults import Fault  # noqa: E402

if TYPE_CHECKING:
    from tests.modal_emulator.emulator import ModalEmulator


@pytest.mark.parametrize(
    ("gpu", "method"), [(None, "SandboxCreateV2"), ("H100", "SandboxGetTaskId")]
)
def test_who_waits_for_a_machine_is_given_up_when_another_start_fails(
    modal_emulator: ModalEmulator, gpu: str | None, method: str, wait_until: Callable[..., None]
) -> None:
    refused = Fault(Status.INVALID_ARGUMENT, "not like that")
    modal_emulator.faults.plan(method, refused, Fault(delay=5), Fault(delay=5))
    with pytest.raises(BackendError, match="not like that"):
        SandboxPool(SandboxConfig(gpu=gpu), size=3, backend="modal").start()

    # They are made all the same, by and by.
    wait_until(lambda: len(modal_emulator.sandboxes) >= 2, 60)
    wait_until(lambda: not modal_emulator.running, 60)
    assert modal_emulator.log.of("SandboxWaitUntilReady") == []


def test_an_end_that_fails_can_be_asked_for_again(modal_emulator: ModalEmulator) -> None:
    pool = SandboxPool(SandboxConfig(), size=2, backend="modal").start()
    modal_emulator.faults.plan("SandboxTerminateV2", Fault(Status.PERMISSION_DENIED))
    # Its runtime cannot end by itself, either.
    for sandbox in pool.sandboxes:
        sandbox.modal_sandbox.exec("pkill", "-STOP", "-f", "seer_runtime$").wait()
    with pytest.raises(SandboxError, match="does not say that it has ended"):
        pool.terminate()
    assert len(modal_emulator.running) == 1
    with pytest.raises(SandboxError, match="may still run"):
        pool.start()

    pool.terminate()

    assert not modal_emulator.running
    with pool.start():
        assert len(modal_emulator.running) == 2
