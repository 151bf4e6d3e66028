"""Answers about accounts."""
