"""Policies of accounts."""
