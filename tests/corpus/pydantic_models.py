"""Pydantic models with constraints and validators."""

from typing import Annotated

import pydantic
from pydantic import Field

EXAMPLES = [
    ("configure", {"settings": {"size": 3}}, {"size": 3, "names": [], "inner": None}),
    (
        "configure",
        {"settings": {"size": 3, "names": ["a"], "inner": {"size": 1}}},
        {"size": 3, "names": ["a"], "inner": {"size": 1, "names": [], "inner": None}},
    ),
    ("frozen", {"key": {"x": 1}}, 1),
    ("tidy", {"name": {"text": "  a "}}, "a"),
]
FAILURES = [
    ("configure", {"settings": {"size": -1}}, "ArgumentError"),
    ("configure", {"settings": {"size": "many"}}, "ArgumentError"),
]


class Settings(pydantic.BaseModel):
    """What can be set."""

    size: int = Field(ge=0, description="how large")
    names: list[str] = []
    inner: "Settings | None" = None


class Key(pydantic.BaseModel, frozen=True):
    x: int


class Name(pydantic.BaseModel):
    text: Annotated[str, Field(max_length=10)]

    @pydantic.field_validator("text")
    @classmethod
    def strip(cls, text: str) -> str:
        return text.strip()


@expose
def configure(settings: Settings) -> Settings:
    """Give the settings back."""
    return settings


@expose
def frozen(key: Key) -> int:
    """Take one that does not change."""
    return key.x


@expose
def tidy(name: Name) -> str:
    """Take one that tidies up."""
    return name.text
