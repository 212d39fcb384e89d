"""From a config to a machine that runs."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from seer_rpc.backends import Backend, Machine, MachineSpec, load_backend
from seer_rpc.backends.hub import TOKEN
from seer_rpc.client.control import Control
from seer_rpc.environment.code_server import program_folders
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.models import find_models, hidden_names
from seer_rpc.environment.packages import required_packages
from seer_rpc.environment.records import planned_record
from seer_rpc.environment.repos import RepoHandle
from seer_rpc.environment.run import Run
from seer_rpc.errors import SandboxStartError, SeerError
from seer_rpc.progress import status
from seer_rpc.registry import SandboxRecord, forget, register
from seer_rpc.snapshots import Snapshot
from seer_runtime.wire.settings import token_digest

WITHHELD = frozenset({TOKEN, "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"})
"""What a sandbox with a hidden model does not get: it would list what its owner has."""

_new_token = partial(secrets.token_urlsafe, 32)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sandbox that is to start: its config, and what was found for that."""

    sandbox_id: str
    name: str
    backend: str
    config: SandboxConfig
    secrets: Mapping[str, str]
    """Those that the backend keeps, and what they are called there."""

    repos: Mapping[RepoHandle, Path]
    """Where they are checked out."""

    code_server: Path | None
    has_notebooks: bool
    """Whether it is prepared for kernels."""

    masks_names: bool
    """Whether names of hidden models are masked in what its interfaces give."""

    snapshot: Snapshot | None
    call_token: str = field(default_factory=_new_token, repr=False)
    admin_token: str = field(default_factory=_new_token, repr=False)

    def start(self, hold: Callable[[Run], None]) -> SandboxRecord:
        """Have the backend start it; gives what is written down of it.

        `hold` gets it before anything else is done, so that whatever comes between can end it.

        Raises:
            ModelNotFoundError: a model is not to be had.
            BackendError: the backend does not run such a sandbox.
            SandboxStartError: it did not start.
        """
        backend = load_backend(self.backend)
        spec = self._spec()
        backend.check(spec)
        models = find_models(self.config.models, backend, self.secrets)
        spec = replace(spec, models=models.sources, hidden=models.hidden)
        tokens = self.call_token, self.admin_token
        record = planned_record(spec, self.backend, self.config, *tokens)
        with status(f"starting sandbox {self.name}"):
            machine = _create(backend, spec, record)
            control = Control(machine.connection("", self.admin_token))
            hold(Run(machine, control, *tokens, list(models.handles), list(self.repos)))
        return record

    def _spec(self) -> MachineSpec:
        config, program = self.config, self.code_server
        return MachineSpec(
            sandbox_id=self.sandbox_id,
            name=self.name,
            gpu=config.gpu,
            gpu_count=config.gpu_count,
            packages=required_packages(config, has_notebooks=self.has_notebooks),
            has_web=self.has_notebooks,
            system_packages=config.system_packages,
            lifetime=config.timeout,
            environment=environment(config),
            call_token_digest=token_digest(self.call_token),
            admin_token_digest=token_digest(self.admin_token),
            secrets=_given(self.config, self.secrets),
            folders={handle.path: str(folder) for handle, folder in self.repos.items()},
            programs=list(program_folders(program)) if program is not None else (),
            isolation=config.isolation,
            has_hidden_models=config.hides_models,
            masked_names=hidden_names(config.models).configured if self.masks_names else (),
            hides_without_isolation=config.hide_without_isolation,
            blocks_network=config.blocks_network,
            limits=config.limits,
            idle_timeout=config.idle_timeout,
            is_detached=config.detach,
            listening=config.listening,
            allowed=config.allowed,
            image=config.image,
            has_docker=config.docker,
            region=config.region,
            snapshot=self.snapshot,
        )


def environment(config: SandboxConfig) -> Mapping[str, str]:
    """Give the variables that a sandbox has, those secrets among them that are set here."""
    given = {name: os.environ[name] for name in config.secrets if name in os.environ}
    return _given(config, {**config.env, **given})


def warn_of_withheld(config: SandboxConfig) -> None:
    """Warn of what models are fetched with and a sandbox does not get."""
    named = {*config.secrets, *config.env}
    if withheld := sorted(named & WITHHELD if config.hides_models else ()):
        warnings.warn(
            f"{', '.join(withheld)}: models are fetched with it, and the sandbox goes without, for "
            "it has a hidden one, and whoever has a token of the hub can ask whose it is",
            stacklevel=5,
        )


def _given(config: SandboxConfig, variables: Mapping[str, str]) -> Mapping[str, str]:
    """Give those of the variables that a sandbox may have."""
    if not config.hides_models:
        return variables
    return {name: value for name, value in variables.items() if name not in WITHHELD}


def kept_secrets(config: SandboxConfig, backend: Backend) -> Mapping[str, str]:
    """Give those secrets that are not set here and that the backend keeps; warn of all others."""
    absent = [name for name in config.secrets if name not in os.environ]
    kept = backend.kept_secrets(absent) if absent else {}
    if missing := [name for name in absent if name not in kept]:
        warnings.warn(
            f"secrets that are not set here: {', '.join(missing)}; the sandbox goes without",
            stacklevel=4,
        )
    return kept


def _create(backend: Backend, spec: MachineSpec, record: SandboxRecord) -> Machine:
    try:
        register(record)
        return backend.start(spec)
    except BaseException as error:
        forget(spec.sandbox_id)
        if isinstance(error, OSError) and not isinstance(error, SeerError):
            raise SandboxStartError(f"the sandbox cannot start: {error}") from error
        raise
