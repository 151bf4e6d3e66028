"""Aligning: finding how one frame lies on another by their stars."""
