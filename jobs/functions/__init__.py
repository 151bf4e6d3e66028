"""The same jobs as functions: one core that opens, drains and closes, and a thin adapter for each sort of host."""
