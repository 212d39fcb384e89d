"""Adapters: whether they were made for the base that they are to be put on.

On a base of the same shape they load in any case, and answer as neither model would.
"""

from __future__ import annotations

import json
from pathlib import Path

from seer_rpc.backends.models import FoundModel, ModelSource
from seer_rpc.environment.config import ModelConfig
from seer_rpc.errors import ConfigError

_SETTINGS = "adapter_config.json"


def check_base(config: ModelConfig, source: ModelSource, found: FoundModel) -> None:
    """Refuse an adapter that names another base than its config, as far as that shows here.

    A base that is a directory is taken as it is: nothing tells what was copied into it.

    Raises:
        ConfigError: it was made for another base.
    """
    if config.base_model is None:
        return
    wanted = ModelSource.parse(config.base_model)
    made_for = _made_for(source.path or Path(found.location))
    if made_for is None or wanted.path is not None or made_for.lower() == wanted.repo.lower():
        return
    raise ConfigError(
        f"the adapter {source.shown} was made for {_shown(made_for, source)}, and its base_model "
        f"is {_shown(config.base_model, source)}",
        hint="give base_model as what it was made for; if this one has the same weights, or the "
        "adapter is to be on it all the same, give its directory as base_model",
    )


def _shown(name: str, source: ModelSource) -> str:
    return repr(name) if source.hidden is None else "another one"


def _made_for(folder: Path) -> str | None:
    """Give the repository that an adapter names as its base; None where it names none."""
    try:
        name = json.loads((folder / _SETTINGS).read_text()).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError):
        return None
    is_repo = isinstance(name, str) and name.count("/") == 1 and name[0] not in "/.~"
    return name if is_repo and not Path(name).exists() else None
