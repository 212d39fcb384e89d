"""The Hugging Face hub: its library, and this library's errors for what that raises."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any

from seer_rpc.backends.models import ModelSource
from seer_rpc.errors import ModelNotFoundError

TOKEN = "HF_TOKEN"
"""The variable that has the hub's token."""


@contextlib.contextmanager
def hugging_face(source: ModelSource, extra: str) -> Iterator[Any]:
    """Give `huggingface_hub`, which the extra brings; what it raises in the block is translated.

    Raises:
        ModelNotFoundError: the hub does not give the model.
    """
    try:
        hub = importlib.import_module("huggingface_hub")
        problems = importlib.import_module("huggingface_hub.errors")
    except ModuleNotFoundError:
        raise ModelNotFoundError(
            f"there is no local directory {source.shown}, and fetching models needs "
            "huggingface_hub",
            hint=f"pip install 'seer-rpc[{extra}]'",
        ) from None
    try:
        yield hub
    except problems.GatedRepoError:
        raise gated(source, _has_token()) from None
    except problems.RepositoryNotFoundError:
        raise unknown(source, _has_token()) from None
    # HTTPError is that of its HTTP client, which not every version has the same of.
    except (problems.HTTPError, problems.HFValidationError, OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"no model {source.shown}: it is no local directory, and the Hugging Face hub says: "
            f"{source.masked(error)}",
            hint="check the id's spelling and the network; gated models need a token in HF_TOKEN",
        ) from None


def gated(source: ModelSource, has_token: bool) -> ModelNotFoundError:
    """Say that the hub gives a model to some alone."""
    return ModelNotFoundError(
        f"{source.masked(source.repo)} is gated: the Hugging Face hub gives it to accounts that "
        f"accepted its terms{_note(has_token)}",
        hint=f"accept them at https://huggingface.co/{source.masked(source.repo)}, set HF_TOKEN "
        'and add secrets=["HF_TOKEN"]',
    )


def unknown(source: ModelSource, has_token: bool) -> ModelNotFoundError:
    """Say that the hub has no such model, or none for whoever asks."""
    return ModelNotFoundError(
        f"no model {source.shown}: it is no local directory, and the Hugging Face hub has none of "
        f"that name, or a private one{_note(has_token)}",
        hint='check its spelling; for a private one set HF_TOKEN and add secrets=["HF_TOKEN"]',
    )


def _has_token() -> bool:
    return bool(os.environ.get(TOKEN))


def _note(has_token: bool) -> str:
    return "" if has_token else "; HF_TOKEN is not set here"
