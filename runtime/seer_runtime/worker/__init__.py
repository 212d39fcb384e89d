"""The process that imports an interface file and runs its functions."""
