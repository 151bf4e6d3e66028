"""Tests of `schema.transport`."""
