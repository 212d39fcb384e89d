"""What both ends share: frames, values, limits and the compiled protos."""
