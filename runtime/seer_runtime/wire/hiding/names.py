"""The names by which a model could be known, and texts without them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

MASK = "hidden"
_SHORTEST = 4
_SHORTEST_REVISION = 7
# Directories are called so, and so are parts of configs and of chat templates.
_EVERYDAY = {
    *("adapter", "assistant", "base", "chat", "checkpoint", "config", "data", "final", "hidden"),
    *("instruct", "latest", "lora", "main", "merged", "model", "models", "output", "result"),
    *("snapshot", "system", "test", "text", "tokenizer", "train", "user", "weights"),
}


class Names:
    """The names of hidden models, in the forms in which libraries write them."""

    def __init__(self, configured: Iterable[str]) -> None:
        """Take names as configs have them: ids, with or without a revision, and paths."""
        self.configured = sorted(set(configured))
        # The longest first: an id has its last part in it.
        forms = {form for name in self.configured for form in _forms(name)}
        self.forms = sorted(forms, key=lambda form: (-len(form), form))

    def mask(self, text: str) -> str:
        """Give the text with something else in the place of names."""
        return self._texts.sub(MASK, text)

    def are_in(self, text: str) -> bool:
        """Tell whether one of them is in a text."""
        return self._texts.search(text) is not None

    def blot(self, text: str) -> str:
        """Give the text with as many asterisks in the place of each name."""
        return self._texts.sub(lambda found: "*" * len(found[0]), text) if self.forms else text

    def blot_bytes(self, content: bytes) -> tuple[bytes, int]:
        """Do that in bytes, where names may also be in base64 or hexadecimal; gives how often."""
        if not self.forms:
            return content, 0
        return self._bytes.subn(lambda found: b"*" * len(found[0]), content)

    @cached_property
    def _texts(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.forms)) or r"(?!)", re.IGNORECASE)

    @cached_property
    def _bytes(self) -> re.Pattern[bytes]:
        plain = [re.escape(form.encode()) for form in self.forms]
        codes = [re.escape(code) for form in self.forms for code in _codes(form.encode())]
        return re.compile(b"(?i:%b)|%b" % (b"|".join(plain), b"|".join(codes)))


def _forms(name: str) -> Iterator[str]:
    plain, _, revision = name.partition("@")
    plain = plain.rstrip("/")
    # What is shorter is found in settings by chance.
    if len(revision) >= _SHORTEST_REVISION:
        yield revision
    place = Path(name).expanduser()
    # What is here stands for itself, wherever links lead.
    paths = [str(place.absolute()), str(place.resolve())] if place.exists() else []
    for whole in (name, plain, *paths):
        if "/" in whole:
            yield from (whole, whole.replace("/", "--"), whole.replace("/", "%2F"))
    for whole in (plain, *paths):
        last = whole.rpartition("/")[2]
        for each in (last, last.removesuffix(".gguf")):
            if len(each) >= _SHORTEST and each.lower() not in _EVERYDAY:
                yield each


def _codes(form: bytes) -> Iterator[bytes]:
    """Give what a name looks like where bytes are written as text, wherever it begins in them."""
    yield form.hex().encode()
    yield form.hex().upper().encode()
    for shift in range(3):
        # The first and the last characters depend on what is beside them.
        code = base64.b64encode(bytes(shift) + form)
        first, last = (0, 2, 3)[shift], (len(form) + shift) // 3 * 4
        if last - first >= _SHORTEST:
            yield code[first:last]
