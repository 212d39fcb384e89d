"""Docstrings in Google style.

With a second paragraph, and `code`.
"""

EXAMPLES = [("generate", {"prompt": "a"}, "a"), ("describe", {"values": [1, 2]}, "2 values")]


@expose
def generate(prompt: str, temperature: float = 1.0, *stops: str, **options: int) -> str:
    """Continue a prompt.

    What comes is not always the same.

    Args:
        prompt: What to continue. This goes
            over two lines.
        temperature (float): How bold; 0 is not bold.
        *stops: Where to stop.
        **options: Anything else.

    Returns:
        The continuation, without the prompt.

    Raises:
        ValueError: The prompt is empty.

    Example:
        >>> generate("a")
        'a'
    """
    if not prompt:
        raise ValueError("empty")
    return prompt


@expose
def describe(values: list[int]) -> str:
    """Describe values.

    Args:
        values: Them.
        missing: A parameter that there is not.
    """
    return f"{len(values)} values"
