"""Policies of data sessions."""
