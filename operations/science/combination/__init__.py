"""Combining many frames into one: stacks of rows, and the rules by which they become one row."""
