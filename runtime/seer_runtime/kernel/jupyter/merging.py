"""One notebook of two: as a person saved it in a page, and as it is here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence, Set
from typing import Any, TypeAlias

Cell: TypeAlias = dict[str, Any]
"""As nbformat has it."""

SEEN = "seer_cells"
"""What the metadata of a notebook has that a person has open: what is known there of its cells."""

Text: TypeAlias = tuple[str, str]


class Sight:
    """What a page last heard of each cell: what it has besides is a person's doing.

    A page that follows the notebook says what it heard. Another one says only which cells it was
    given: it is taken to know what is here.
    """

    def __init__(self, said: Any) -> None:
        """Read what it says."""
        self.follows = isinstance(said, dict)
        self._cells: Mapping[str, Mapping[str, Any]] = said if isinstance(said, dict) else {}
        self._given = {str(each) for each in said} if isinstance(said, (dict, list)) else set()

    def text(self, ours: Cell) -> Text | None:
        """Give the text of a cell as the page heard of it; None where it did not."""
        if not self.follows:
            return text_of(ours)
        heard = self._cells.get(ours["id"])
        return None if heard is None else text_of(heard)

    def knows(self, ours: Cell) -> bool:
        """Tell whether the page had the cell as it is here."""
        return ours["id"] in self._given and self.text(ours) == text_of(ours)

    def is_by_person(self, theirs: Cell, ours: Cell, run: str) -> bool:
        """Tell whether what a cell put out came of a person, after the run that is known here."""
        if theirs.get("cell_type") != "code":
            return self.text(ours) != text_of(theirs)
        heard, own = self._cells.get(theirs["id"], {}).get("run", ""), self.own_run(theirs)
        return own != "" and run in (own, heard)

    def own_run(self, cell: Cell) -> str:
        """Give the name of what a person ran in the page since; empty where nobody did."""
        return str(self._cells.get(cell["id"], {}).get("own_run", ""))


def without_trust(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Give metadata of a cell without the page's own opinion of it."""
    return {name: value for name, value in metadata.items() if name != "trusted"}


def text_of(cell: Mapping[str, Any]) -> Text:
    """Give what a cell says, and of which kind it is."""
    return str(cell.get("cell_type")), "".join(cell.get("source", ""))


def merge(
    theirs: Sequence[Cell], ours: Sequence[Cell], sight: Sight, removable: Set[str] = frozenset()
) -> list[Cell]:
    """Give a person's cells in their order, with what was done here since the page heard of it.

    A cell here that is not among theirs was removed by them, if the page knew it as it is or it is
    `removable`. Where both changed what a cell says, both are there.
    """
    known = {str(cell["id"]) for cell in theirs}
    here = {str(cell["id"]): cell for cell in ours}
    cells = [
        each
        for cell in theirs
        for each in (_of_both(cell, here[cell["id"]], sight) if cell["id"] in here else [cell])
    ]
    before = ""
    for cell_id, cell in here.items():
        if cell_id not in known and cell_id not in removable and not sight.knows(cell):
            places = [place for place, each in enumerate(cells) if each["id"] == before]
            cells.insert(places[0] + 1 if places else len(cells) if before else 0, cell)
        before = cell_id
    # Whoever follows is only told of those that are others now.
    return [here[cell["id"]] if here.get(cell["id"]) == cell else cell for cell in cells]


def _of_both(theirs: Cell, ours: Cell, sight: Sight) -> list[Cell]:
    heard = sight.text(ours)
    if text_of(ours) in (heard, text_of(theirs)):
        return [theirs]
    if heard != text_of(theirs):
        return [theirs, {**ours, "id": secrets.token_hex(4)}]
    if ours["cell_type"] != theirs["cell_type"]:
        return [ours]
    return [{**theirs, "source": ours["source"]}]
