"""Sandboxes with hidden models that serve interfaces, and what their calls give."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import SeerError
from tests.hidden.models import of_here, of_hub

QUICK = '''
    """Tools of an interface that does not load its models."""

    import os
    from pathlib import Path

    @expose
    def configured() -> dict[str, str]:
        """Tell which models there are."""
        return list_configured_models()

    @expose
    def where(name: str) -> str:
        return get_model_path(name)

    @expose
    def read(name: str, file: str) -> str:
        return Path(get_model_path(name), file).read_text()

    @expose
    def die() -> None:
        print("the last line", flush=True)
        os._exit(3)
'''


def config(models: dict[str, Path], **fields: Any) -> SandboxConfig:
    """A sandbox with two hidden models, one of the hub and one of here, and the hub's token."""
    return SandboxConfig(
        models=[of_hub(), of_here(models)],
        secrets=["HF_TOKEN"],
        # Nothing answers, which the library would take minutes to believe.
        env={"HF_HUB_OFFLINE": "1"},
        **fields,
    )


@contextmanager
def started(config: SandboxConfig) -> Iterator[ScopedSandbox]:
    """Have one, without the warning that the token is withheld."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "HF_TOKEN")
        scoped = ScopedSandbox(config, backend="local").start()
    with scoped:
        yield scoped


def answers(scoped: ScopedSandbox, *calls: tuple[str, list[Any]]) -> Iterator[tuple[str, str]]:
    """Give what calls of the interface that was served last give, or how they fail."""
    with Session(scoped.connection(list(scoped._interfaces)[-1])) as session:
        for function, arguments in calls:
            try:
                answer = repr(session.call(function, arguments, {}))
            except SeerError as error:
                answer = "".join(traceback.format_exception(error))
            yield f"{function}({arguments})", answer
