"""Tests of resolvers of data."""
