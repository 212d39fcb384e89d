"""Models for sandboxes on this machine: directories of it, the hub's cache among them."""

from __future__ import annotations

from pathlib import Path

from seer_rpc.backends.hub import hugging_face
from seer_rpc.backends.models import FoundModel, ModelSource, model_folder
from seer_rpc.progress import status


def find_model(source: ModelSource) -> FoundModel:
    """Find a model's directory, or fetch it into the cache of the hub's library.

    Raises:
        ModelNotFoundError: it is not to be had.
    """
    if source.path is not None:
        return FoundModel(str(model_folder(source)))
    with hugging_face(source, "models") as hub, status(f"fetching {source.masked(source.name)}"):
        folder = Path(hub.snapshot_download(source.repo, revision=source.revision))
    return FoundModel(str(folder), commit=folder.name)
