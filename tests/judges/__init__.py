"""Other people's checkers, from an environment of their own: `make judges`."""
