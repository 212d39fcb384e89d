"""What agents are told."""

SYSTEM = "You are a helpful assistant. Answer in one sentence."
