"""Modules that every kernel can import by their own names; a user's of the same name come first."""
