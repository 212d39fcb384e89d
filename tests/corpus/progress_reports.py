"""Functions that tell how far they are."""

from collections.abc import Iterator

EXAMPLES = [("work", {"steps": 3}, 3), ("stream", {"steps": 2}, [0, 1])]


@expose
def work(steps: int) -> int:
    """Do one step after another."""
    for step in range(steps):
        progress(step + 1, steps, f"step {step + 1}")
    return steps


@expose
def stream(steps: int) -> Iterator[int]:
    """Give each step."""
    for step in range(steps):
        progress(step + 1)
        yield step
