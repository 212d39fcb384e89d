"""Describe an interface file by its source alone: nothing of it runs, nothing is loaded."""
