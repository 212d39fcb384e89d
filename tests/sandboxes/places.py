"""Where sandboxes are that many tests share: at two levels on this machine, and on Modal."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from seer_rpc.environment import Sandbox, SandboxConfig
from tests.modal_emulator.plugin import emulated_modal

PLACES = ("namespace", "none", "modal")
GPUS = "modal-gpu"
"""Modal, for a config with GPUs: other calls of its service make and end such a sandbox."""


def name_gpus(patch: pytest.MonkeyPatch) -> None:
    """Have configs that name no GPU ask for two."""
    create = inspect.unwrap(SandboxConfig.__init__)
    patch.setattr(create, "__defaults__", ("H100", 2, *(create.__defaults__ or ())[2:]))


@contextmanager
def shared_sandbox(request: pytest.FixtureRequest, config: SandboxConfig) -> Iterator[Sandbox]:
    """Have one in the place that the request names, until the end of the block."""
    folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    with ExitStack() as ends:
        patch = ends.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("XDG_STATE_HOME", str(folders.mktemp("shared")))
        if request.param == GPUS:
            config = dataclasses.replace(config, gpu="H100", gpu_count=2)
        if request.param in ("modal", GPUS):
            certificates = request.getfixturevalue("modal_certificates")
            ends.enter_context(emulated_modal(folders.mktemp("modal"), certificates))
            sandbox = Sandbox(config, backend="modal")
        else:
            config = dataclasses.replace(config, isolation=request.param)
            sandbox = Sandbox(config, backend="local")
        with sandbox.start():
            yield sandbox
