"""Docstrings in NumPy style."""

EXAMPLES = [("correlate", {"first": [1.0], "second": [2.0]}, 2.0)]


@expose
def correlate(first: list[float], second: list[float], *, mode: str = "full") -> float:
    """Correlate two signals.

    Parameters
    ----------
    first : list of float
        The one signal.
    second : list of float
        The other signal,
        of the same length.
    mode : {'full', 'same'}, optional
        How the ends are treated.

    Returns
    -------
    float
        How alike they are.

    Raises
    ------
    ValueError
        They differ in length.
    """
    if len(first) != len(second):
        raise ValueError("lengths differ")
    return sum(a * b for a, b in zip(first, second))
