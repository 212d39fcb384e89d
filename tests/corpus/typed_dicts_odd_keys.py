"""Typed dictionaries whose keys are no names."""

from typing import TypedDict

EXAMPLES = [
    ("send", {"message": {"from": "a", "content-type": "b", "class": 1}}, "a b 1"),
    ("route", {"to": "x"}, {"from": "x", "content-type": "", "class": 0}),
]

Message = TypedDict("Message", {"from": str, "content-type": str, "class": int})


@expose
def send(message: Message) -> str:
    """Write a message on one line."""
    return " ".join(str(each) for each in message.values())


@expose
def route(to: str) -> Message:
    """Make a message."""
    return {"from": to, "content-type": "", "class": 0}
