"""A Jupyter server for a sandbox: it runs the cells of its notebooks itself, and alone writes them.

What asks for a cell may leave; the cell goes on, and its output is kept.
"""
