"""Chaos runs that are small enough for every test run."""
