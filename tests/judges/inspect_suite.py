"""Inspect AI's own suite for sandboxes, run by test_inspect.py in an environment with Inspect.

`INSPECT_SANDBOX` names the provider, found as Inspect finds it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from inspect_ai._util.entrypoints import ensure_entry_points
from inspect_ai.util import SandboxEnvironment
from inspect_ai.util._sandbox.registry import registry_find_sandboxenv
from inspect_ai.util._sandbox.self_check import *  # noqa: F403

PROVIDER = os.environ["INSPECT_SANDBOX"]
EXPECTED_FAILURES = {
    "seer": {"test_exec_as_user": "a sandbox has one user, and cannot make another"},
    # What Inspect's own cannot do depends on who runs it; it is here for its time alone.
    "local": {},
}[PROVIDER]


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxEnvironment]:
    """One sandbox for all."""
    ensure_entry_points()
    provider = registry_find_sandboxenv(PROVIDER)
    environments = asyncio.run(provider.sample_init("suite", None, {}))
    yield environments["default"]
    asyncio.run(provider.sample_cleanup("suite", None, environments, False))


@pytest.fixture
def sandbox_env(shared: SandboxEnvironment, request: pytest.FixtureRequest) -> SandboxEnvironment:
    """Give it to a test, which may be one that is expected to fail."""
    reason = EXPECTED_FAILURES.get(request.node.originalname)
    if reason is not None:
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    return shared
