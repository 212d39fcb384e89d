"""An ordinary script: it imports the library of the language model interface and calls it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import language_model
import numpy as np

MESSAGE = "What is the capital of France?"
PROMPT = "The capital of France is"

times: dict[str, float] = {}


def timed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call, and keep how long it took."""
    begun = time.perf_counter()
    value = function(*args, **kwargs)
    times[function.__name__] = time.perf_counter() - begun
    return value


answer = timed(language_model.chat, MESSAGE)
tokens = timed(language_model.next_tokens, PROMPT, top_k=5)
residual = timed(language_model.activation, PROMPT, layer=-1)

print(f"You:   {MESSAGE}")
print(f"Model: {answer}")
print()
print(f"After {PROMPT!r} comes")
for token in tokens:
    print(f"  {token.probability:6.1%}  {token.token!r}")
print()
print(f"Behind the last layer: a {type(residual).__name__} of shape {residual.shape},")
print(f"  whose last position has norm {np.linalg.norm(residual[-1]):.2f}")
print()
print("Time of each call")
for name, seconds in times.items():
    print(f"  {name:12} {seconds * 1000:8.1f} ms")
