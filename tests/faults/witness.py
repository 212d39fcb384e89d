"""What the judge calls: each execution leaves a line in a file before it does anything else."""

import os
import time
from collections.abc import Iterator

from seer_rpc.interface import expose


def testify(key: str) -> None:
    """Write who ran what. One write with O_APPEND: lines of several processes do not mix."""
    evidence = os.open(os.environ["SEER_EVIDENCE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(evidence, f"{key} {os.getpid()}\n".encode())
    os.close(evidence)


@expose
def echo(key: str, value: str) -> str:
    """Give the value itself."""
    testify(key)
    return value


@expose
def reverse(key: str, payload: bytes) -> bytes:
    """Give the payload backwards."""
    testify(key)
    return payload[::-1]


@expose
def count(key: str, items: int) -> Iterator[tuple[str, int]]:
    """Give as many items, one by one."""
    testify(key)
    for number in range(items):
        yield key, number


@expose
def nap(key: str, seconds: float) -> str:
    """Sleep, and then give the key."""
    testify(key)
    time.sleep(seconds)
    return key
