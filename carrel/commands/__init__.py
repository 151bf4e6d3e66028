"""The commands that need more than a line."""
