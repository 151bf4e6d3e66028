"""Answers about data sessions."""
