"""Answers about workstations and sessions."""
