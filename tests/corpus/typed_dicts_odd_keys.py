"""Typed dictionaries whose keys are no names."""

from typing import NotRequired, TypedDict

import numpy as np

EXAMPLES = [
    ("send", {"message": {"from": "a", "content-type": "b", "class": 1}}, "a b 1"),
    ("route", {"to": "x"}, {"from": "x", "content-type": "", "class": 0}),
    ("count", {"folder": {"a b": 1, "sub-folders": [{"a b": 2}]}}, 3),
    ("keys", {"hostile": {"\"); print(1)": 1, "__a": 3, "ﬁ": 4, "None": 5}}, 13),
]
FAILURES = [
    ("send", {"message": {"from": "a", "content-type": "b"}}, "ArgumentError"),
    ("send", {"message": {"from": "a", "content-type": 1, "class": 1}}, "ArgumentError"),
    ("count", {"folder": {"a b": 1, "sub-folders": [{"a-b": 2}]}}, "ArgumentError"),
]

Message = TypedDict("Message", {"from": str, "content-type": str, "class": int})
Folder = TypedDict("Folder", {"a b": int, "sub-folders": NotRequired["list[Folder]"]})
Measured = TypedDict("Measured", {"x/y": np.ndarray, "z": "Folder"}, total=False)
Hostile = TypedDict(
    "Hostile", {"\"); print(1)": int, "__a": int, "ﬁ": int, "None": int, "a\nb": int}, total=False
)


@expose
def send(message: Message) -> str:
    """Write a message on one line."""
    return " ".join(str(each) for each in message.values())


@expose
def route(to: str) -> Message:
    """Make a message."""
    return {"from": to, "content-type": "", "class": 0}


@expose
def count(folder: Folder) -> int:
    """Add up what is in it."""
    return folder["a b"] + sum(map(count, folder.get("sub-folders", [])))


@expose
def mean(measured: Measured) -> float:
    """Give the mean."""
    return float(measured["x/y"].mean())


@expose
def keys(hostile: Hostile) -> int:
    """Add them up."""
    return sum(hostile.values())
