"""Ready-made interface files: serve them as they are, or read them as examples."""
