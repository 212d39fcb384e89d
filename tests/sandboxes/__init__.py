"""What every backend's sandboxes do, through the public API alone."""
