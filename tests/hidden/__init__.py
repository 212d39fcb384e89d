"""Whether the names of hidden models are to be found anywhere."""
