EXAMPLES = [("plain", {"a": 1}, 1), ("blank", {"a": 1}, 1)]


@expose
def plain(a: int) -> int:
    return a


@expose
def blank(a: int) -> int:
    """ """
    return a


@expose
def computed(a: int) -> int:
    return a


computed.__doc__ = f"Computed {1 + 1} times."
