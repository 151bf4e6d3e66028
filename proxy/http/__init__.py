"""HTTP heads, parsed and written."""
