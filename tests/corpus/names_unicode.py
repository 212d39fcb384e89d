"""Names in several alphabets."""

EXAMPLES = [
    ("größe", {"länge": 2}, 4),
    ("名前", {"値": "あ"}, {"値": "あ"}),
    ("сумма", {"а": 1, "б": 2}, 3),
    ("א", {}, "ℵ₀"),
]

from dataclasses import dataclass


@dataclass
class Größe:
    """Eine Größe."""

    länge: int = 1


@expose
def größe(länge: int = 1) -> int:
    """Verdoppeln."""
    return 2 * länge


@expose
def 名前(値: str) -> dict[str, str]:
    """値を返す。"""
    return {"値": 値}


@expose
def сумма(а: int, б: int) -> int:
    """Сложить."""
    return а + б


@expose
def ℵ() -> str:
    """Be infinite."""
    return "ℵ₀"


@expose
def messen(größe: Größe) -> Größe:
    """Messen."""
    return größe
