"""Policies of workstations and sessions."""
