"""Measure the product against its peers: `python -m benchmarks --help`."""
