"""Notebooks that go on: one whose session was ended, and the copy of one that runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from seer_runtime.kernel.jupyter.ipynb import write_notebook

if TYPE_CHECKING:
    from seer_runtime.kernel.jupyter.notebook import Notebook
    from seer_runtime.kernel.jupyter.notebooks import Notebooks


async def resume(notebooks: Notebooks, session_id: str) -> Notebook:
    """Give a session that was ended a kernel again, prepared as the one that it had.

    Where it is given one just now, for somebody else who asked, that is waited for.

    Raises:
        KeyError: none of that id was ended.
        ValueError: another session has its notebook.
    """
    running = await notebooks.begun(session_id)
    return running or await notebooks.create(session_id, *notebooks.ended[session_id])


async def fork(
    notebooks: Notebooks, source: Notebook, session_id: str, path: str, token_digest: str
) -> Notebook:
    """Begin a session with a copy of a notebook, and a kernel prepared as that one's.

    Raises:
        ValueError: there is a file of that name.
    """
    file = Path(notebooks.folder, path)
    if file.exists() or path in notebooks.promised:
        raise ValueError(f"{path} is there already")
    notebooks.promised.add(path)
    try:
        await asyncio.to_thread(write_notebook, file, source.document.content())
        return await notebooks.create(session_id, path, source.beginning, token_digest)
    except BaseException:
        if notebooks.at(path) is None:
            file.unlink(missing_ok=True)
        raise
    finally:
        notebooks.promised.discard(path)
