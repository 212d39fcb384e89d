"""A document as a program: its blocks of code run one after the other, as they are written.

Blocks of Python are one script, whose variables stay from block to block. One that begins with
`# file: NAME` is a file, written into the folder where all of it runs. Blocks of bash run there,
too; what one prints, if that is a JSON object, are variables of the script from then on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seer_rpc.environment import Sandbox, ScopedSandbox
from seer_rpc.execution import LocalSession
from seer_rpc.registry import running_sandboxes

_BLOCK = re.compile(r"^```(?P<language>\S*)\n(?P<source>.*?)^```$", re.M | re.S)
_FILE = re.compile(r"# file: (?P<name>\S+)\n")


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    place: str
    """The document, and the line that it begins in."""

    language: str
    source: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is, if it is one."""
        match = _FILE.match(self.source)
        return match["name"] if match and self.language == "python" else None


def blocks(document: Path) -> Iterator[Block]:
    """Give the blocks of a document."""
    text = document.read_text()
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(f"{document.name}:{line}", match["language"], match["source"])


class Program:
    """Runs documents in a folder, one after the other with the same variables."""

    def __init__(self, folder: Path, variables: Mapping[str, Any]) -> None:
        """Begin with some variables."""
        self._folder = folder
        self.variables: dict[str, Any] = dict(variables)
        self._groups: list[int] = []

    def run(self, blocks: Iterable[Block]) -> None:
        """Run blocks."""
        for block in blocks:
            if block.file is not None:
                file = self._folder / block.file
                file.parent.mkdir(exist_ok=True)
                file.write_text(block.source)
            elif block.language == "python":
                exec(compile(block.source, block.place, "exec"), self.variables)
            else:
                assert block.language == "bash", block.place
                self._run_shell(block)

    def end(self) -> None:
        """End what it has started."""
        for each in self.variables.values():
            if isinstance(each, LocalSession | Sandbox | ScopedSandbox):
                each.terminate()
        for record in running_sandboxes():
            Sandbox.from_id(record.id).terminate()
        for group in self._groups:
            _end(group)

    def _run_shell(self, block: Block) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        printed, told = self._folder / ".printed", self._folder / ".told"
        # Files, not pipes: what goes on in the background keeps them.
        with printed.open("w") as out, told.open("w") as err:
            process = subprocess.Popen(
                ["bash", "-e", "-o", "pipefail", "-c", block.source],
                cwd=self._folder,
                env={**os.environ, "PATH": path},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            self._groups.append(process.pid)
            status = process.wait()
        assert status == 0, f"{block.place}: {printed.read_text()}\n{told.read_text()}"
        with suppress(ValueError, TypeError):
            self.variables |= json.loads(printed.read_text())


def _end(group: int) -> None:
    """End what is left of a process group."""
    deadline = time.monotonic() + 30
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)
