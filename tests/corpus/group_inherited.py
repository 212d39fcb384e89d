"""Classes that have methods of other classes."""

EXAMPLES = [
    ("Loud.say", {"text": "a"}, "A"),
    ("Loud.name", {}, "loud"),
    ("Quiet.say", {"text": "A"}, "a"),
]


class Speaker:
    """Says something."""

    def name(self) -> str:
        """Give its name."""
        return type(self).__name__.lower()

    def say(self, text: str) -> str:
        """Say a text."""
        return text


@expose
class Loud(Speaker):
    def say(self, text: str) -> str:
        """Say a text loudly."""
        return text.upper()


@expose
class Quiet(Speaker):
    """Says it quietly."""

    def say(self, text: str) -> str:
        return text.lower()
