"""Names with underscores, and those that modules have by themselves."""

EXAMPLES = [
    ("_private", {"_": 1}, 1),
    ("__mangled", {"__value": 1}, 1),
    ("call", {"_remote": 1, "_result": 2, "__file__": 3}, 6),
    ("__doc__of", {"__all__": 1}, 1),
]


@expose
def _private(_: int = 0) -> int:
    """Have a name that is nobody's business."""
    return _


@expose
def __mangled(__value: int) -> int:
    """Have a name that classes change."""
    return __value


@expose
def call(_remote: int, _result: int, __file__: int = 1, _typing: int = 0) -> int:
    """Add."""
    return _remote + _result + __file__ + _typing


@expose
def __doc__of(__all__: int, __name__: int = 0, __annotations__: int = 0) -> int:
    """Have what modules have."""
    return __all__
