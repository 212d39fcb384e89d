"""Python programs that sessions run: the workspace's own code first, then the caller's."""

from __future__ import annotations

_PROGRAM = """\
def _run(parts):
    import linecache, sys, traceback
    names = globals()
    del names["_run"]
    for name, source in parts:
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            exec(compile(source, name, "exec", dont_inherit=True), names)
        except Exception as error:
            frames = error.__traceback__ and error.__traceback__.tb_next
            traceback.print_exception(type(error), error, frames)
            sys.exit(1)
_run({parts!r})
"""


def program(init_code: str, code: str) -> str:
    """Give the source of a program that runs both, as if each were all of it.

    Tracebacks show their lines and none of ours.
    """
    parts = [("<custom_init_code>", init_code)] if init_code.strip() else []
    return _PROGRAM.format(parts=[*parts, ("<exec>", code)])
