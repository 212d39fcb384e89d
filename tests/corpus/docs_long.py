"""An interface with much to say."""

EXAMPLES = [("long", {"value": 1}, 1)]


@expose
def long(value: int) -> int:
    return value


long.__doc__ = "Do it.\n\n" + "\n".join(f"Line {n} says what line {n - 1} did not." for n in range(1, 200))
