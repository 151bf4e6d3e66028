"""The container engine: what the rest of the house asks of it, and who answers."""
