"""Docstrings in Sphinx style."""

EXAMPLES = [("fetch", {"key": "a"}, "a=None"), ("fetch", {"key": "a", "default": "b"}, "a=b")]


@expose
def fetch(key: str, default: str | None = None) -> str:
    """Look something up.

    :param key: What to look up.
    :param default: What to give where there is nothing.
    :type default: str or None
    :returns: What was found.
    :rtype: str
    :raises KeyError: There is nothing.
    """
    return f"{key}={default}"
