"""A notebook's file: a valid one at every moment, since it is only ever replaced by another."""

from __future__ import annotations

import copy
import json
import os
import platform
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seer_runtime.kernel.jupyter.lines import joined

_METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    # As the kernel has it, which is run by the same Python: else each page that opens the notebook
    # changes it.
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    },
}


def write_notebook(file: Path, content: Mapping[str, Any]) -> None:
    """Write a notebook in the place of another.

    Raises:
        OSError: it cannot be written.
    """
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        # Half a surrogate is not to be encoded; escaped, it is JSON.
        with scratch.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            # Piece by piece: as one text it would be in memory once more.
            json.dump(content, stream, indent=1, ensure_ascii=False, sort_keys=True)
            stream.write("\n")
        os.replace(scratch, file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def read_notebook(file: Path) -> dict[str, Any]:
    """Read a notebook, with an id for each cell; an empty one where there is none.

    Raises:
        ValueError: it is no notebook.
    """
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {
            "cells": [],
            "metadata": copy.deepcopy(_METADATA),
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not _has_cells(content):
        raise ValueError(f"{file} is no notebook that can be gone on with")
    content["cells"] = [with_id(joined(cell)) for cell in content.get("cells", ())]
    content["nbformat_minor"] = max(5, int(content.get("nbformat_minor", 5)))
    return content


def _has_cells(content: Mapping[str, Any]) -> bool:
    cells = content.get("cells", [])
    return isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)


def with_id(cell: dict[str, Any]) -> dict[str, Any]:
    """Give a cell that has an id."""
    return cell if cell.get("id") else {**cell, "id": secrets.token_hex(4)}
