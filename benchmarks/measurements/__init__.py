"""What is measured of one contender, in a process that does nothing else."""
