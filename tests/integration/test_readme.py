"""The README's example runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_two_files_of_the_readme_run(tmp_path: Path) -> None:
    for name, source in re.findall(r"```python\n# file: (\S+)\n(.*?)```", README.read_text(), re.S):
        (tmp_path / name).write_text(source)

    finished = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert finished.stdout == "{'the': 2, 'cat': 1, 'and': 1, 'hat': 1}\n1\n"
