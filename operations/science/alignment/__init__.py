"""Alignment: the mapping from one frame to another, by their stars or their WCS."""
