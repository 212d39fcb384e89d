"""Words that several generated texts share."""

from __future__ import annotations

JSON_NOTES = """\
Arguments are a JSON object by the parameters' names, and results are JSON: dates as ISO 8601,
bytes as base64, enums by their values, dataclasses as objects, NaN and infinities as "NaN",
"Infinity" and "-Infinity". An array result is its dtype, shape, min, max and mean, and a .npy file;
as an argument it is nested lists. {"reference": NUMBER} stands for a value that stayed in the
sandbox."""
