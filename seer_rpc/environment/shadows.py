"""Modules of repositories that are called like a folder of the workspace, and hidden by it.

What starts in `/workspace` takes the folder `/workspace/circuits` for a package without an
`__init__.py`, before it asks the finder by which setuptools' editable installs are imported. Real
packages win, wherever on the path they are: so the folder that holds one comes at the path's end.
"""

from __future__ import annotations

from collections.abc import Iterable

from seer_rpc.environment.work import Work

_PROGRAM = """
import os, sys, sysconfig
from importlib.util import find_spec

workspace = os.path.join(os.path.realpath("."), "")
folders = []
for name in sys.stdin.read().split():
    spec = None if name in sys.modules else find_spec(name)
    for place in spec and (spec.submodule_search_locations or [spec.origin]) or ():
        folder, base = os.path.split(os.path.realpath(place))
        if folder.startswith(workspace) and base.partition(".")[0] == name:
            folders += {folder}.difference(folders, sys.path)
if folders:
    # Read behind the files of the installs themselves, and of what the sandbox shares.
    with open(os.path.join(sysconfig.get_path("purelib"), "workspace.pth"), "a") as file:
        file.writelines(folder + os.linesep for folder in folders)
"""


def show_shadowed(sandbox: Work, folders: Iterable[str]) -> None:
    """Have modules of editable installs imported although folders of the workspace are called so.

    Raises:
        CommandError: the sandbox's packages cannot be added to.
    """
    names = " ".join(name for name in folders if name.isidentifier())
    if names:
        # Without the working directory on the path they are found as they were installed.
        sandbox.exec_python(_PROGRAM, env={"PYTHONSAFEPATH": "1"}, input=names)
