'''A docstring with """ and \\ and 'quotes' in it, that ends in "'''

EXAMPLES = [
    ("quotes", {"a": 1}, 1),
    ("ends_in_a_quote", {"a": 1}, 1),
    ("backslashes", {"a": 1}, 1),
    ("odd", {"a": 1}, 1),
    ("braces", {"a": 1}, 1),
    ("markup", {"a": 1}, 1),
    ("trick", {"a": 1}, 1),
    ("control", {"a": 1}, 1),
]


@expose
def quotes(a: int) -> int:
    """Say \"\"\"hi\"\"\" and 'hi' and '''."""
    return a


@expose
def ends_in_a_quote(a: int) -> int:
    """Say "hi\""""
    return a


@expose
def backslashes(a: int) -> int:
    r"""A \d and a \ and \N{DASH} and \x and \
    a line that goes on. It ends in \\"""
    return a


@expose
def odd(a: int) -> int:
    """Größe 日本 🧀 \u202e right to left, \u2028 line, \ufeff mark, \x85 next line.

    Args:
        a: With \x00 in it, and \x1b[31mred\x1b[0m.
    """
    return a


@expose
def braces(a: int) -> int:
    """{} {a} %s %(a)s ${x} {{ y }} {% z %} `a` $(reboot)."""
    return a


@expose
def markup(a: int) -> int:
    """<script>alert(1)</script> [red]text[/red] ---
    # Heading
    ```python
    import os
    ```
    """
    return a


@expose
def trick(a: int) -> int:
    """x\"\"\"
import os
os.system('x')
\"\"\"."""
    return a


@expose
def control(a: int) -> int:
    """Tab\there, form\x0cfeed, bell\x07, carriage\rreturn, backspace\x08."""
    return a
