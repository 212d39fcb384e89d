"""Files as JupyterLab reads and writes them; notebooks that run here are not overwritten."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from seer_runtime.kernel.jupyter.merging import SEEN

if TYPE_CHECKING:
    from seer_runtime.kernel.jupyter.notebooks import Notebooks


class Contents(AsyncLargeFileManager):
    """Has what a person saves merged with what was added meanwhile."""

    notebooks: Notebooks

    async def get(self, path: str, *args: Any, **options: Any) -> Any:
        """Give a file, or what is known of it."""
        model = await super().get(path, *args, **options)
        notebook = self.notebooks.at(path)
        if notebook is not None and model["type"] == "notebook":
            # No page warns that the file changed since it read it: what it saves is merged.
            model["last_modified"] = notebook.document.began
            model["hash"] = model.get("hash") and notebook.id
            if model["content"]:
                notebook.document.shown(model["content"])
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        """Save a file."""
        notebook = self.notebooks.at(path)
        if model.get("type") != "notebook" or not model.get("content"):
            return await super().save(model, path)
        if notebook is None:
            model["content"].get("metadata", {}).pop(SEEN, None)
            return await super().save(model, path)
        self.notebooks.use()
        notebook.document.merge(model["content"])
        await notebook.document.saved()
        return await self.get(path, content=False)

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Give a file another name, or a folder with all that is in it."""
        old, new = PurePosixPath(old_path.strip("/")), PurePosixPath(new_path.strip("/"))
        moved = self.notebooks.below(str(old))
        async with AsyncExitStack() as still:
            for notebook in moved:
                await still.enter_async_context(notebook.document.still())
            await super().rename_file(old_path, new_path)
            for notebook in moved:
                path = new / PurePosixPath(notebook.path).relative_to(old)
                self.notebooks.move(notebook, str(path))
