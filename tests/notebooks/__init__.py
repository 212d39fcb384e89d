"""Notebook sessions, on this machine and on Modal's emulation."""
