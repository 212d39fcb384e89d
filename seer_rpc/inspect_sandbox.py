"""Sandboxes for Inspect AI: its provider `seer`, as in `Task(..., sandbox="seer")`."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, overload

from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxEnvironment,
    SandboxEnvironmentLimits,
    SandboxUserUnsupportedError,
    sandboxenv,
)
from inspect_ai.util._sandbox.environment import SandboxUnavailableError
from pydantic import BaseModel

from seer_rpc.environment import ExecutionMode, SandboxConfig, aio
from seer_rpc.environment.work import WORKSPACE
from seer_rpc.errors import (
    CommandOutputError,
    CommandTimeoutError,
    SandboxFileSizeError,
    SandboxLostError,
)

_NOT_RUNNABLE = 126


class SeerSandbox(BaseModel, frozen=True):
    """How the sandboxes of a task are: `Task(..., sandbox=("seer", SeerSandbox(...)))`.

    The fields are those of `SandboxConfig`.
    """

    gpu: str | None = None
    gpu_count: int = 1
    python_packages: list[str] = []
    system_packages: list[str] = []
    secrets: list[str] = []
    env: dict[str, str] = {}
    timeout: int = 3600
    isolation: Literal["auto", "namespace", "landlock", "none"] = "auto"
    block_network: bool | None = None
    memory: int | None = None
    disk: int | None = None
    processes: int | None = None
    cpus: float | None = None
    backend: str | None = None

    def plan(self) -> aio.Sandbox:
        """Plan a sandbox like that."""
        fields = self.model_dump(exclude={"backend"})
        return aio.Sandbox(
            SandboxConfig(execution_mode=ExecutionMode.CLI, **fields), backend=self.backend
        )


_Config: TypeAlias = BaseModel | str | None


@sandboxenv(name="seer")
class SeerSandboxEnvironment(SandboxEnvironment):
    """One sandbox, as Inspect uses it."""

    def __init__(self, sandbox: aio.Sandbox) -> None:
        """Use a sandbox that runs."""
        super().__init__()
        self.sandbox = sandbox
        self._users: frozenset[str] | None = None

    @classmethod
    async def sample_init(
        cls, task_name: str, config: _Config, metadata: dict[str, str]
    ) -> dict[str, SandboxEnvironment]:
        """Start a sandbox for a sample."""
        settings = config if isinstance(config, SeerSandbox) else _read(config)
        return {"default": cls(await settings.plan().start(task_name))}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: _Config,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        """End the sandboxes of a sample."""
        for environment in environments.values():
            await environment.as_type(cls).sandbox.terminate()

    @classmethod
    def config_deserialize(cls, config: dict[str, Any]) -> BaseModel:
        """Read a config that Inspect wrote down."""
        return SeerSandbox(**config)

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,
        timeout_retry: bool = True,
        concurrency: bool = True,
    ) -> ExecResult[str]:
        """Run a command; what is over its time is not tried again."""
        if user is not None:
            await self._check_user(user)
        limits = SandboxEnvironmentLimits
        try:
            result = await self.sandbox.run(
                cmd,
                input=input or b"",
                cwd=cwd or WORKSPACE,
                env=env,
                timeout=timeout,
                max_output=limits.MAX_EXEC_OUTPUT_SIZE,
            )
        except CommandTimeoutError as error:
            raise TimeoutError(str(error)) from error
        except CommandOutputError as error:
            raise OutputLimitExceededError(
                limit_str=limits.MAX_EXEC_OUTPUT_SIZE_STR, truncated_output=error.stdout
            ) from error
        except SandboxLostError as error:
            raise SandboxUnavailableError(str(error)) from error
        if result.exit_code == _NOT_RUNNABLE and "Permission denied" in result.stderr:
            raise PermissionError(result.stderr.strip())
        # Inspect counts signals as shells do.
        code = result.exit_code if result.exit_code >= 0 else 128 - result.exit_code
        return ExecResult(code == 0, code, result.stdout, result.stderr)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Write a file, its folders included."""
        await self.sandbox.write_file(file, contents)

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...
    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...
    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        """Read a file, up to Inspect's limit."""
        limits = SandboxEnvironmentLimits
        try:
            content = await self.sandbox.read_bytes(file, max_bytes=limits.MAX_READ_FILE_SIZE)
        except SandboxFileSizeError as error:
            raise OutputLimitExceededError(
                limit_str=limits.MAX_READ_FILE_SIZE_STR, truncated_output=None
            ) from error
        return content.decode() if text else content

    def default_polling_interval(self) -> float:
        """Seconds between looks at what long commands say: it is not far."""
        return 0.2

    async def _check_user(self, user: str) -> None:
        if self._users is None:
            self._users = frozenset((await self.sandbox.exec("id -u; id -un")).split())
        if user not in self._users:
            raise SandboxUserUnsupportedError(
                f"the sandbox has one user, {' or '.join(sorted(self._users))}; not {user!r}"
            )


def _read(file: object) -> SeerSandbox:
    """Read a config from a JSON file; without one it is the default."""
    if file is None:
        return SeerSandbox()
    with open(str(file), encoding="utf-8") as stream:
        return SeerSandbox.model_validate_json(stream.read())
