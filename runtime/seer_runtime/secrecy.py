"""What a worker does not tell where a model is hidden: its interface's source, and known names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from seer_runtime.wire.codec import Encoded
from seer_runtime.wire.hiding import Names


@dataclass
class Secrecy:
    """How much a worker tells."""

    shows_source: bool = True
    """Whether tracebacks have lines of the interface: one of them may name the model."""

    names: Names = field(default_factory=lambda: Names(()))
    """What is masked in whatever leaves."""

    @property
    def masks(self) -> bool:
        """Whether there are names to be masked."""
        return bool(self.names.forms)

    def keep_names(self, names: Sequence[str]) -> None:
        """Mask names from now on."""
        self.names = Names(names)

    def text(self, text: str) -> str:
        """Give text with as many asterisks in the place of each name."""
        return self.names.blot(text)

    def encoded(self, encoded: Encoded, function: str) -> Encoded:
        """Give an encoded result without names. Arrays are numbers, and left alone."""
        place = f"what {function}() gave"
        segments = [
            self.content(each, place) if type(each) is bytes else each for each in encoded.segments
        ]
        return Encoded(self.content(encoded.body, place), segments)

    def content(self, content: bytes, place: str) -> bytes:
        """Give encoded text without names, as long as it was; each hit in `place` is in the log."""
        clean, hits = self.names.blot_bytes(content)
        if hits:
            times = "once" if hits == 1 else f"{hits} times"
            sys.stderr.write(f"a hidden model was named {times} in {place}: masked\n")
        return clean


SECRECY = Secrecy()
"""That of this process."""
