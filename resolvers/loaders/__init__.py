"""Data loaders of related rows."""
