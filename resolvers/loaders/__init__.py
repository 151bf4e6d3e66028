"""Loaders of related rows."""
