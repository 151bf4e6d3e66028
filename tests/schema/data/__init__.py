"""Tests of schema/data."""
