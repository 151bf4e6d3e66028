"""Policies of uploads, data sessions, operations and results."""
