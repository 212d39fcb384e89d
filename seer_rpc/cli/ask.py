"""The demo's script: an ordinary script that imports a generated library and calls it."""

import time

import language_model  # type: ignore[import-not-found]
import numpy as np

MESSAGE = "What is the capital of France?"
PROMPT = "The capital of France is"
LAYER = 20

begun = time.perf_counter()
answer = language_model.chat(MESSAGE)
chat_time = time.perf_counter() - begun

begun = time.perf_counter()
tokens = language_model.next_tokens(PROMPT, top_k=5)
tokens_time = time.perf_counter() - begun

begun = time.perf_counter()
residual = language_model.activation(PROMPT, layer=LAYER)
activation_time = time.perf_counter() - begun

print(f"You:   {MESSAGE}")
print(f"Model: {answer}")
print()
print(f"After {PROMPT!r} comes")
for token in tokens:
    print(f"  {token.probability:6.1%}  {token.token!r}")
print()
print(f"Layer {LAYER} on {PROMPT!r}: {type(residual).__name__} of shape {residual.shape},")
print(f"  whose last position has norm {np.linalg.norm(residual[-1]):.2f}")
print()
print("Time of each call")
for name, seconds in [
    ("chat", chat_time),
    ("next_tokens", tokens_time),
    ("activation", activation_time),
]:
    print(f"  {name:12} {seconds * 1000:8.1f} ms")
