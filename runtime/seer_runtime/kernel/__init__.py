"""What runs with torch at hand: in fetch jobs, beside the user's own code."""
