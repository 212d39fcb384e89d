"""Hidden models on this machine: what a sandbox sees of them is a directory without their names.

Where something is mounted from can be read inside, and so can the path of a file that is mapped.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from seer_rpc.backends.models import ModelSource, not_hidden
from seer_rpc.backends.protocol import MachineSpec
from seer_runtime.wire.hiding import HidingError, copy_without_names


def without_names(spec: MachineSpec, folder: Path) -> MachineSpec:
    """Have what is hidden in a folder that names nothing; gives the spec that has it from there.

    Raises:
        ModelNotFoundError: a model cannot be hidden.
    """
    models = dict(spec.models)
    for path, names in spec.hidden.items():
        own = folder / Path(path).name
        own.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            copy_without_names(Path(models[path]), own, names)
        except HidingError as error:
            source = ModelSource("", alias=path, hidden=names)
            raise not_hidden(source, error) from None
        models[path] = str(own)
    return dataclasses.replace(spec, models=models)
