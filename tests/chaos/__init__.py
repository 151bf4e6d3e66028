"""Storms, small enough for every run of the tests."""
