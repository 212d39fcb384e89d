"""Typed dictionaries, as typing has them."""

from typing import NotRequired, Required, TypedDict

EXAMPLES = [
    ("send", {"message": {"role": "user", "content": "hi"}}, "user: hi"),
    ("send", {"message": {"role": "user", "content": "hi", "name": "Ada"}}, "Ada: hi"),
    ("replies", {"messages": [{"role": "user", "content": "hi"}]}, [{"role": "assistant", "content": "HI"}]),
    ("partial", {"options": {"seed": 1}}, 1),
    ("nested", {"value": {"inner": {"seed": 2}, "depth": 1}}, 2),
]
FAILURES = [
    ("send", {"message": {"role": "user"}}, "ArgumentError"),
    ("partial", {"options": {}}, "ArgumentError"),
]


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str
    name: NotRequired[str]


class Options(TypedDict, total=False):
    seed: Required[int]
    depth: int


class Outer(Options):
    inner: Options


@expose
def send(message: Message) -> str:
    """Write a message on one line."""
    return f"{message.get('name', message['role'])}: {message['content']}"


@expose
def replies(messages: list[Message]) -> list[Message]:
    """Answer each message."""
    return [{"role": "assistant", "content": each["content"].upper()} for each in messages]


@expose
def partial(options: Options) -> int:
    """Take a dictionary that may lack keys."""
    return options["seed"]


@expose
def nested(value: dict) -> int:
    """Take one in another."""
    return value["inner"]["seed"]


@expose
def outer(value: Outer) -> Outer:
    """Take one in another, with a base."""
    return value
