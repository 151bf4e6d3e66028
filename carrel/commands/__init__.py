"""Implementations of the commands of carrel/cli.py."""
